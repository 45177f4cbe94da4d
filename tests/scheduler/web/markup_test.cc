// Escaping, parameters, languages, Markdown, assets.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "scheduler/web/assets.h"
#include "scheduler/web/format.h"
#include "scheduler/web/html.h"
#include "scheduler/web/language.h"
#include "scheduler/web/markdown.h"
#include "scheduler/web/params.h"

namespace koeval::web {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(HtmlTest, ValuesAreEscapedAndMarkupIsNot) {
  Html html;
  html.Add("<a title=\"{}\">{}</a>{}", "\"'<>&", "한글 <b>", Markup{"<i>"});
  EXPECT_EQ(html.text(), "<a title=\"&quot;&#39;&lt;&gt;&amp;\">한글 &lt;b&gt;</a><i>");
}

TEST(HtmlTest, HolesInValuesAreText) {
  Html html;
  html.Add("{}-{}", "{}", 7);
  EXPECT_EQ(html.text(), "{}-7");
}

TEST(HtmlTest, ControlCharactersAndBrokenUtf8DoNotReachThePage) {
  EXPECT_EQ(Escape(std::string("a\0b\x01\x7f\n", 6)), "ab\n");
  EXPECT_EQ(Escape("a\xff"), "a\xEF\xBF\xBD");
}

TEST(HtmlDeathTest, AFormatWithMoreHolesThanValuesIsABug) {
  Html html;
  EXPECT_DEATH(html.Add("{} {}", 1), "more holes");
  EXPECT_DEATH(html.Add("{}", 1, 2), "fewer holes");
}

TEST(UrlTest, ComponentsKeepOnlyUnreservedCharacters) {
  EXPECT_EQ(UrlComponent("org/na me&=?#%한"), "org%2Fna%20me%26%3D%3F%23%25%ED%95%9C");
}

TEST(ParamsTest, ReadsWhatBrowsersWriteAndWritesItBack) {
  const auto params = Params::Parse("q=a+b%2Fc&type=x&type=y&empty=&lone");
  ASSERT_TRUE(params.ok());
  EXPECT_EQ(params->Get("q"), "a b/c");
  EXPECT_THAT(params->GetAll("type"), testing::ElementsAre("x", "y"));
  EXPECT_TRUE(params->Has("lone"));
  EXPECT_EQ(params->Get("empty"), "");
  EXPECT_EQ(params->ToQuery(), "q=a%20b%2Fc&type=x&type=y&empty=&lone=");
}

TEST(ParamsTest, BrokenEscapesAndTooManyParametersAreRefused) {
  for (const char* text : {"a=%", "a=%4", "a=%zz", "%=1"}) {
    EXPECT_EQ(Params::Parse(text).status().code(), Code::kInvalidArgument) << text;
  }
  EXPECT_EQ(Params::Parse("a=%41")->Get("a"), "A");
  std::string many;
  for (size_t i = 0; i <= kParamsMax; ++i) many += "a=1&";
  EXPECT_EQ(Params::Parse(many).status().code(), Code::kInvalidArgument);
}

TEST(ParamsTest, NumbersOutsideTheirRangeNameTheParameter) {
  const auto params = Params::Parse("n=7&big=99&word=x&half=0.5&nan=nan");
  EXPECT_EQ(*params->GetInt("n", 1, 10), std::optional<int64_t>(7));
  EXPECT_EQ(*params->GetInt("absent", 1, 10), std::nullopt);
  EXPECT_THAT(params->GetInt("big", 1, 10).status().message(), HasSubstr("big"));
  EXPECT_FALSE(params->GetInt("word", 1, 10).ok());
  EXPECT_EQ(*params->GetDouble("half", 0, 1), std::optional<double>(0.5));
  EXPECT_FALSE(params->GetDouble("nan", 0, 1).ok());
}

TEST(LanguageTest, AChoiceBeatsTheCookieWhichBeatsTheBrowser) {
  EXPECT_EQ(ChooseLanguage("ko", "en", "en"), Language::kKorean);
  EXPECT_EQ(ChooseLanguage("", "ko", "en"), Language::kKorean);
  EXPECT_EQ(ChooseLanguage("xx", "", "ko"), Language::kKorean);
}

TEST(LanguageTest, TheBrowsersWeightsDecide) {
  EXPECT_EQ(ChooseLanguage("", "", "ko-KR,ko;q=0.9,en-US;q=0.8,en;q=0.7"), Language::kKorean);
  EXPECT_EQ(ChooseLanguage("", "", "en-US,en;q=0.9,ko;q=0.8"), Language::kEnglish);
  EXPECT_EQ(ChooseLanguage("", "", "en;q=0.1, KO;q=0.5"), Language::kKorean);
  EXPECT_EQ(ChooseLanguage("", "", "kok, fr"), Language::kEnglish);
  EXPECT_EQ(ChooseLanguage("", "", ""), Language::kEnglish);
}

TEST(MarkdownTest, RawHtmlAndScriptLinksAreLeftOut) {
  const std::string html =
      RenderMarkdown("# T\n\n<script>alert(1)</script>\n\n[x](javascript:alert(1)) **b** <b>r</b>")
          .text;
  EXPECT_THAT(html, HasSubstr("<h1>T</h1>"));
  EXPECT_THAT(html, HasSubstr("<strong>b</strong>"));
  EXPECT_THAT(html, Not(HasSubstr("<script")));
  EXPECT_THAT(html, Not(HasSubstr("javascript:")));
  EXPECT_THAT(html, Not(HasSubstr("<b>")));
}

TEST(AssetTest, AUrlNamesTheBytesAndNoOthers) {
  const std::string url = AssetUrl("style.css");
  const Asset* asset = AssetOfUrl(url);
  ASSERT_NE(asset, nullptr);
  EXPECT_EQ(asset->content_type, "text/css; charset=utf-8");
  EXPECT_THAT(std::string(asset->bytes), HasSubstr("word-break: keep-all"));
  EXPECT_EQ(AssetOfUrl("/assets/style.0000000000000000.css"), nullptr);
  EXPECT_EQ(AssetOfUrl("/assets/../style.css"), nullptr);
}

TEST(FormatTest, NumbersAndTimesOfBothLanguages) {
  EXPECT_EQ(Percent(0.61234), "61.23");
  EXPECT_EQ(Percent(std::numeric_limits<double>::quiet_NaN()), "–");
  EXPECT_EQ(PlusMinus(0.0043), "± 0.43");
  EXPECT_EQ(PlusMinus(std::nullopt), "");
  EXPECT_EQ(ParameterText(7'240'000'000), "7.24B");
  EXPECT_EQ(ParameterText(580'000'000), "580M");
  EXPECT_EQ(ParameterText(0), "–");
  EXPECT_EQ(DurationText(7'500'000, Language::kKorean), "2시간 5분");
  EXPECT_EQ(TimeElement(1'723'453'800'000'000).text,
            "<time datetime=\"2024-08-12T09:10:00Z\">2024-08-12 09:10 UTC</time>");
  EXPECT_EQ(ShortRevision("0123456789abcdef0123456789abcdef01234567"), "0123456789ab");
  EXPECT_EQ(ShortRevision("main"), "main");
}

}  // namespace
}  // namespace koeval::web
