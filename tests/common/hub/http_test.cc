// Redirects, retries, bounds and cancellation, against a server that misbehaves.
#include "common/hub/http.h"

#include <gmock/gmock.h>

#include <thread>

#include "common/hub/http_url.h"
#include "tests/common/hub/hub_fixture.h"

namespace koeval::hub {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::Ge;
using ::testing::HasSubstr;
using ::testing::Le;
using ::testing::Not;

class HttpTest : public HubFixture {
 protected:
  HttpRequest Request(const std::string& path) {
    HttpRequest request;
    request.url = hub_.endpoint() + path;
    request.bytes_max = 1 << 20;
    return request;
  }
  HttpRequest ConfigRequest() { return Request("/org/name/resolve/" + commit_ + "/config.json"); }
  HttpRequest WeightsRequest() {
    return Request("/org/name/resolve/" + commit_ + "/model.safetensors");
  }

  std::string commit_ = AddModel();
};

TEST_F(HttpTest, ABodyArrivesWithItsHeaders) {
  const auto text = MakeHttp()->GetText(ConfigRequest(), cancel_);
  ASSERT_TRUE(text.ok()) << text.status().ToString();
  EXPECT_EQ(text->answer.status, 200);
  EXPECT_EQ(text->body, "{\"model_type\": \"llama\"}");
  EXPECT_EQ(text->answer.Header("x-repo-commit"), commit_);
}

TEST_F(HttpTest, ATokenGoesToItsHostAlone) {
  hub_.AddToken("hf_secret", "someone");
  HttpRequest request = WeightsRequest();
  request.token = "hf_secret";
  const auto text = MakeHttp()->GetText(request, cancel_);
  ASSERT_TRUE(text.ok()) << text.status().ToString();
  EXPECT_EQ(text->body, Bytes(300'000));
  EXPECT_EQ(text->answer.Header("x-repo-commit"), commit_);  // of the answer before the redirect
  ASSERT_EQ(hub_.Requests("hub ").size(), 1u);
  EXPECT_EQ(hub_.Requests("hub ")[0].headers.at("authorization"), "Bearer hf_secret");
  ASSERT_EQ(hub_.Requests("cdn ").size(), 1u);
  EXPECT_FALSE(hub_.Requests("cdn ")[0].headers.contains("authorization"));
}

TEST_F(HttpTest, ARedirectOnTheSameHostKeepsTheToken) {
  hub_.AddToken("hf_secret", "someone");
  hub_.Misbehave(FakeHub::Redirect("/start", "/api/whoami-v2"));
  HttpRequest request = Request("/start");
  request.token = "hf_secret";
  const auto text = MakeHttp()->GetText(request, cancel_);
  ASSERT_TRUE(text.ok());
  EXPECT_THAT(text->body, HasSubstr("someone"));
}

TEST_F(HttpTest, RedirectsEnd) {
  hub_.Misbehave(FakeHub::Redirect("/loop", ""));
  const auto text = MakeHttp()->GetText(Request("/loop"), cancel_);
  EXPECT_EQ(text.status().code(), Code::kInvalidArgument);
  EXPECT_THAT(text.status().message(), HasSubstr("redirects more than 5 times"));
  EXPECT_EQ(hub_.Requests("/loop").size(), 6u);
}

TEST_F(HttpTest, RedirectsToOtherSchemesAreRefused) {
  for (const char* location :
       {"file:///etc/passwd", "ftp://example.com/x", "gopher://x/", "http://user:pw@127.0.0.1/"}) {
    hub_.Misbehave(FakeHub::Redirect("/away", location, 1));
    const auto text = MakeHttp()->GetText(Request("/away"), cancel_);
    EXPECT_EQ(text.status().code(), Code::kInvalidArgument) << location;
  }
}

TEST_F(HttpTest, OtherSchemesAreNotAskedAtAll) {
  HttpRequest request;
  request.url = "file:///etc/passwd";
  request.bytes_max = 100;
  EXPECT_EQ(MakeHttp()->GetText(request, cancel_).status().code(), Code::kInvalidArgument);
}

TEST_F(HttpTest, FailuresThatPassAreTriedAgainWithGrowingWaits) {
  hub_.Misbehave(FakeHub::Answer("config.json", 503, 3));
  const auto text = MakeHttp()->GetText(ConfigRequest(), cancel_);
  ASSERT_TRUE(text.ok()) << text.status().ToString();
  EXPECT_EQ(text->answer.status, 200);
  EXPECT_THAT(waits_, ElementsAre(AllOf(Ge(500), Le(625)), AllOf(Ge(1000), Le(1250)),
                                  AllOf(Ge(2000), Le(2500))));
}

TEST_F(HttpTest, FailuresThatStayAreNamed) {
  hub_.Misbehave(FakeHub::Answer("config.json", 500, -1));
  HttpRequest request = ConfigRequest();
  request.url += "?token=secret";
  const auto text = MakeHttp()->GetText(request, cancel_);
  EXPECT_EQ(text.status().code(), Code::kUnavailable);
  EXPECT_THAT(text.status().message(),
              AllOf(HasSubstr("status 500 (5 attempts)"), Not(HasSubstr("secret"))));
  EXPECT_EQ(hub_.Requests("config.json").size(), 5u);
}

TEST_F(HttpTest, ARateLimitSaysWhenToComeBack) {
  hub_.Misbehave(FakeHub::Answer("config.json", 429, 1, {{"Retry-After", "42"}}));
  ASSERT_TRUE(MakeHttp()->GetText(ConfigRequest(), cancel_).ok());
  EXPECT_THAT(waits_, ElementsAre(42'000));
}

TEST_F(HttpTest, ARateLimitOverTheBoundIsGivenUp) {
  hub_.Misbehave(FakeHub::Answer("config.json", 429, 1, {{"Retry-After", "86400"}}));
  const auto text = MakeHttp()->GetText(ConfigRequest(), cancel_);
  EXPECT_EQ(text.status().code(), Code::kUnavailable);
  EXPECT_THAT(text.status().message(), HasSubstr("come back in 1 d"));
  EXPECT_TRUE(waits_.empty());
}

TEST_F(HttpTest, WhatAnotherTryCannotBetterIsAnsweredAtOnce) {
  hub_.Misbehave(FakeHub::Answer("config.json", 418));
  const auto text = MakeHttp()->GetText(ConfigRequest(), cancel_);
  ASSERT_TRUE(text.ok());
  EXPECT_EQ(text->answer.status, 418);
  EXPECT_EQ(text->body, "");
  EXPECT_THAT(text->answer.error_body, HasSubstr("as the test has it"));
  EXPECT_TRUE(waits_.empty());
}

TEST_F(HttpTest, ABrokenTransferIsTriedAgain) {
  hub_.Misbehave(FakeHub::Truncate("config.json", 3));
  const auto text = MakeHttp()->GetText(ConfigRequest(), cancel_);
  ASSERT_TRUE(text.ok()) << text.status().ToString();
  EXPECT_EQ(text->body, "{\"model_type\": \"llama\"}");
}

TEST_F(HttpTest, ABodyOverItsBoundEndsTheTransfer) {
  HttpRequest request = WeightsRequest();
  request.bytes_max = 1000;
  const auto text = MakeHttp()->GetText(request, cancel_);
  EXPECT_EQ(text.status().code(), Code::kOutOfRange);
  EXPECT_TRUE(waits_.empty());
}

TEST_F(HttpTest, RangesAreAnsweredInPart) {
  HttpRequest request = WeightsRequest();
  request.range = {100, 199};
  const auto text = MakeHttp()->GetText(request, cancel_);
  ASSERT_TRUE(text.ok());
  EXPECT_EQ(text->answer.status, 206);
  EXPECT_EQ(text->body, Bytes(300'000).substr(100, 100));
}

TEST_F(HttpTest, NobodyThereIsUnavailable) {
  HttpRequest request = Request("/");
  request.url = "http://127.0.0.1:1/";
  const auto text = MakeHttp()->GetText(request, cancel_);
  EXPECT_EQ(text.status().code(), Code::kUnavailable);
  EXPECT_EQ(waits_.size(), 4u);
}

TEST_F(HttpTest, AServerThatFallsSilentIsGivenUp) {
  hub_.Misbehave(FakeHub::HoldAt("cdn ", 100));
  HttpOptions options;
  options.silent_ms = 1'000;
  options.attempts = 1;
  const auto text = MakeHttp(options)->GetText(WeightsRequest(), cancel_);
  EXPECT_EQ(text.status().code(), Code::kUnavailable);
}

TEST_F(HttpTest, ATransferThatHangsIsCancelled) {
  hub_.Misbehave(FakeHub::Hold("config.json"));
  std::thread canceller([this] {
    hub_.AwaitHeld();
    cancel_.Ask();
  });
  EXPECT_EQ(MakeHttp()->GetText(ConfigRequest(), cancel_).status().code(), Code::kCancelled);
  canceller.join();
}

TEST(HttpUrlTest, TargetsOfRedirects) {
  EXPECT_EQ(RedirectTarget("https://a.b/x/y?q", "../z").value(), "https://a.b/z");
  EXPECT_EQ(RedirectTarget("https://a.b/x", "https://c.d/z?s=1").value(), "https://c.d/z?s=1");
  EXPECT_EQ(RedirectTarget("https://a.b/x", "http://a.b/x").status().code(),
            Code::kInvalidArgument);
  EXPECT_EQ(RedirectTarget("https://a.b/x", "javascript:alert(1)").status().code(),
            Code::kInvalidArgument);
}

TEST(HttpUrlTest, OriginsDifferBySchemeHostAndPort) {
  EXPECT_TRUE(SameOrigin("https://a.b/x", "https://a.b:443/y"));
  EXPECT_FALSE(SameOrigin("https://a.b/x", "http://a.b/x"));
  EXPECT_FALSE(SameOrigin("https://a.b/x", "https://a.b:444/x"));
  EXPECT_FALSE(SameOrigin("https://a.b/x", "https://evil.a.b/x"));
}

TEST(HttpUrlTest, MessagesShowNoSecrets) {
  EXPECT_EQ(ShownUrl("https://me:pw@a.b/x?Signature=secret#f"), "https://a.b/x");
}

TEST(HttpUrlTest, PathsAreEscaped) {
  EXPECT_EQ(EscapeUrlPath("a b/\xed\x95\x9c?#%.json"), "a%20b/%ED%95%9C%3F%23%25.json");
}

TEST(RetryAfterTest, ReadsSecondsAndDates) {
  const WallTime now{784'111'777'000'000};  // 06 Nov 1994 08:49:37
  EXPECT_EQ(RetryAfterMs("120", now), 120'000);
  EXPECT_EQ(RetryAfterMs("Sun, 06 Nov 1994 08:50:37 GMT", now), 60'000);
  EXPECT_EQ(RetryAfterMs("Sun, 06 Nov 1994 08:00:00 GMT", now), 0);
  EXPECT_EQ(RetryAfterMs("soon", now), std::nullopt);
  EXPECT_EQ(RetryAfterMs("", now), std::nullopt);
  EXPECT_EQ(RetryAfterMs("99999999999999999999", now), std::nullopt);
}

}  // namespace
}  // namespace koeval::hub
