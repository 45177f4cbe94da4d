// The frame around every page, and pages that are little more than it.
#include "scheduler/web/page.h"

#include <array>
#include <utility>
#include <vector>

#include "scheduler/web/assets.h"
#include "scheduler/web/markdown.h"
#include "scheduler/web/texts.h"

namespace koeval::web {
namespace {

// `text` with each {{name}} replaced.
std::string FillTemplate(std::string_view text,
                         const std::vector<std::pair<std::string, Markup>>& values) {
  std::string out;
  while (true) {
    const size_t open = text.find("{{");
    const size_t close = text.find("}}", open == std::string_view::npos ? text.size() : open);
    if (close == std::string_view::npos) break;
    out += text.substr(0, open);
    const std::string_view name = text.substr(open + 2, close - open - 2);
    for (const auto& [known, value] : values) {
      if (known == name) out += value.text;
    }
    text.remove_prefix(close + 2);
  }
  out += text;
  return out;
}

struct NavigationItem {
  Tab tab;
  const char* path;
  Words words;
};
constexpr std::array<NavigationItem, 4> kNavigationItems = {
    {{Tab::kLeaderboard, "/", texts::kLeaderboard},
     {Tab::kQueue, "/queue", texts::kQueue},
     {Tab::kSubmit, "/submit", texts::kSubmit},
     {Tab::kAbout, "/about", texts::kAbout}}};

Markup Navigation(const PageContext& context, Tab tab) {
  Html html;
  html.Add(R"(<nav aria-label="{}"><ul>)", texts::kNavigation.In(context.language));
  for (const NavigationItem& item : kNavigationItems) {
    const char* words = item.words.In(context.language);
    if (item.tab == tab) {
      html.Add(R"(<li><a href="{}" aria-current="page">{}</a></li>)", item.path, words);
    } else {
      html.Add(R"(<li><a href="{}">{}</a></li>)", item.path, words);
    }
  }
  html.Add("</ul></nav>");
  return html.Take();
}

Markup LanguageSwitch(const PageContext& context) {
  constexpr std::array<std::pair<Language, const char*>, 2> kNames = {
      {{Language::kKorean, "한국어"}, {Language::kEnglish, "English"}}};
  Html html;
  html.Add(R"(<nav class="languages" aria-label="{}"><ul>)", texts::kLanguage.In(context.language));
  for (const auto& [language, name] : kNames) {
    const std::string_view code = LanguageCode(language);
    Params params;
    for (const auto& [key, value] : context.params.items()) {
      if (key != "lang") params.Add(key, value);
    }
    params.Add("lang", std::string(code));
    const std::string url = context.path + "?" + params.ToQuery();
    if (language == context.language) {
      html.Add(R"(<li><a href="{}" lang="{}" hreflang="{}" aria-current="true">{}</a></li>)", url,
               code, code, name);
    } else {
      html.Add(R"(<li><a href="{}" lang="{}" hreflang="{}">{}</a></li>)", url, code, code, name);
    }
  }
  html.Add("</ul></nav>");
  return html.Take();
}

void AddContact(const std::string& contact, const char* words, Html* html) {
  if (contact.empty()) return;
  html->Add("<p>{}: ", words);
  if (contact.starts_with("https://") || contact.starts_with("http://")) {
    html->Add(R"(<a href="{}" rel="noopener noreferrer">{}</a>)", contact, contact);
  } else if (contact.find('@') != std::string::npos && contact.find(' ') == std::string::npos) {
    html->Add(R"(<a href="mailto:{}">{}</a>)", contact, contact);
  } else {
    html->AddText(contact);
  }
  html->Add("</p>");
}

Markup Footer(const PageContext& context) {
  Html html;
  if (!context.site.footer.empty()) html.Add("<p>{}</p>", context.site.footer);
  AddContact(context.site.contact, texts::kContact.In(context.language), &html);
  html.Add(R"(<p><a href="/api/v1/openapi.json">{}</a> · koeval {}</p>)",
           texts::kApi.In(context.language), context.site.version);
  return html.Take();
}

}  // namespace

std::string RenderPage(const PageContext& context, Tab tab, std::string_view title,
                       const Markup& body, std::string_view watch) {
  const auto text = [](std::string_view value) { return Markup{Escape(value)}; };
  Html live;
  if (!watch.empty()) live.Add(R"( data-watch="{}")", watch);
  std::string whole_title(title);
  if (title != context.site.title) whole_title += " · " + context.site.title;
  return FillTemplate(FindAsset("layout.html").bytes,
                      {{"language", text(LanguageCode(context.language))},
                       {"title", text(whole_title)},
                       {"icon", text(AssetUrl("icon.svg"))},
                       {"style", text(AssetUrl("style.css"))},
                       {"script", text(AssetUrl("pages.js"))},
                       {"skip", text(texts::kSkip.In(context.language))},
                       {"site", text(context.site.title)},
                       {"navigation", Navigation(context, tab)},
                       {"languages", LanguageSwitch(context)},
                       {"live", live.Take()},
                       {"body", body},
                       {"footer", Footer(context)}});
}

std::string RenderMessagePage(const PageContext& context, const Words& title,
                              std::string_view message) {
  Html html;
  html.Add(R"(<h1>{}</h1><p class="notice">{}</p><p><a href="/">{}</a></p>)",
           title.In(context.language), message, texts::kBack.In(context.language));
  return RenderPage(context, Tab::kNone, title.In(context.language), html.Take());
}

std::string RenderAboutPage(const PageContext& context, std::string_view markdown) {
  Html html;
  html.Add(R"(<article class="prose">{}</article>)", RenderMarkdown(markdown));
  return RenderPage(context, Tab::kAbout, texts::kAbout.In(context.language), html.Take());
}

std::string_view DefaultAbout(Language language) {
  return FindAsset(language == Language::kKorean ? "about_ko.md" : "about_en.md").bytes;
}

}  // namespace koeval::web
