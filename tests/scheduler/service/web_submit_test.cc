// Submissions over HTTP: the form, the API, and who may send them.
#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/scheduler/service/web_harness.h"

namespace koeval::service {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr const char* kForm = "application/x-www-form-urlencoded";
constexpr const char* kJson = "application/json";

using WebSubmitTest = WebTest;

TEST_F(WebSubmitTest, AGoodModelGoesIntoTheQueueOnce) {
  Start();
  const std::string form = Body("/submit");
  EXPECT_THAT(form, HasSubstr("action=\"/submit\" method=\"post\""));
  EXPECT_THAT(form, Not(HasSubstr("name=\"token\"")));
  const std::string body = "request_id=w-1&model=org%2Fgood&precision=float16&action=submit";
  for (int sent = 0; sent < 2; ++sent) {
    const auto answer = Post("/submit", body, kForm);
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->status, 303);
    EXPECT_EQ(answer->get_header_value("Location"), "/requests/w-1");
  }
  const Json request = Api("/api/v1/requests/w-1")["request"];
  EXPECT_EQ(request["model"], "org/good");
  EXPECT_EQ(request["precision"], "float16");
  EXPECT_EQ(request["suite"], "toy");
  EXPECT_EQ(Api("/api/v1/requests")["requests"].size(), 1U);
}

TEST_F(WebSubmitTest, WhatTheChecksFindIsShownAndNothingIsSubmitted) {
  Start();
  const auto answer = Post(
      "/submit", "model=org%2Fbroken&precision=float16&revision=%22%3Cb%3E&action=submit", kForm);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 200);
  EXPECT_THAT(answer->body, HasSubstr("model.safetensors ends early"));
  EXPECT_THAT(answer->body, HasSubstr("Upload the file again."));
  EXPECT_THAT(answer->body, HasSubstr("value=\"org/broken\""));
  EXPECT_THAT(answer->body, HasSubstr("value=\"&quot;&lt;b&gt;\""));
  EXPECT_TRUE(Api("/api/v1/requests")["requests"].empty());
}

TEST_F(WebSubmitTest, CheckingAloneSubmitsNothing) {
  Start();
  const auto answer = Post("/submit", "model=org%2Fgood&precision=float16&action=check", kForm);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 200);
  EXPECT_THAT(answer->body, HasSubstr("The checks found nothing"));
  EXPECT_THAT(answer->body, HasSubstr("LlamaForCausalLM"));
  EXPECT_TRUE(Api("/api/v1/requests")["requests"].empty());
}

TEST_F(WebSubmitTest, AFieldThatIsWrongIsNamedInTheForm) {
  Start();
  const auto answer = Post("/submit", "model=nonsense&precision=float16&action=submit", kForm);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 400);
  EXPECT_THAT(answer->body, HasSubstr("model: must be org/name"));
}

TEST_F(WebSubmitTest, TheFormNeedsASubmittersTokenAndNeverShowsIt) {
  UseTokens();
  config_.web.public_pages = true;
  Start();
  EXPECT_THAT(Body("/submit"), HasSubstr("type=\"password\" name=\"token\""));
  const auto send = [this](const std::string& token) {
    return Post("/submit",
                "request_id=w-2&model=org%2Fgood&precision=float16&action=submit&token=" + token,
                kForm);
  };
  for (const std::string token : {"", "wrong-token-0123456789", kReaderToken}) {
    const auto refused = send(token);
    ASSERT_TRUE(refused);
    EXPECT_EQ(refused->status, 403) << token;
    if (!token.empty()) {
      EXPECT_THAT(refused->body, Not(HasSubstr(token)));
    }
  }
  EXPECT_EQ(send(kSubmitterToken)->status, 303);
  const auto mine = Get("/api/v1/requests/w-2", Bearer(kReaderToken));
  ASSERT_TRUE(mine);
  EXPECT_THAT(mine->body, HasSubstr("\"submitter\":\"alice\""));
  // A token in the URL is none.
  EXPECT_EQ(Post("/submit?token=" + std::string(kSubmitterToken),
                 "model=org%2Fgood&precision=float16&action=submit", kForm)
                ->status,
            403);
}

TEST_F(WebSubmitTest, PagesOfOtherSitesCannotSubmit) {
  Start();
  const std::string body = "model=org%2Fgood&precision=float16&action=submit";
  for (const httplib::Headers& headers :
       std::initializer_list<httplib::Headers>{{{"Sec-Fetch-Site", "cross-site"}},
                                               {{"Origin", "https://evil.example"}},
                                               {{"Origin", "null"}},
                                               {{"Host", "evil.example:80"}}}) {
    EXPECT_EQ(Post("/submit", body, kForm, headers)->status, 403) << headers.begin()->first;
    EXPECT_EQ(Post("/api/v1/requests", "{\"model\":\"org/good\"}", kJson, headers)->status, 403);
  }
  EXPECT_EQ(Post("/api/v1/requests", "{\"model\":\"org/good\"}", "text/plain")->status, 400);
  EXPECT_TRUE(Api("/api/v1/requests")["requests"].empty());
}

TEST_F(WebSubmitTest, TheApiSubmitsAndSaysWhenItKnewTheId) {
  UseTokens();
  Start();
  const std::string body =
      R"({"request_id":"api-1","model":"org/good","precision":"bfloat16","limit":3})";
  EXPECT_EQ(Post("/api/v1/requests", body, kJson)->status, 401);
  EXPECT_EQ(Post("/api/v1/requests", body, kJson, Bearer(kReaderToken))->status, 403);
  EXPECT_EQ(Post("/api/v1/requests", body, kJson,
                 {httplib::make_basic_authentication_header("x", kSubmitterToken)})
                ->status,
            401);
  const auto first = Post("/api/v1/requests", body, kJson, Bearer(kSubmitterToken));
  ASSERT_TRUE(first);
  EXPECT_EQ(first->status, 201) << first->body;
  EXPECT_EQ((*ParseJson(first->body))["request"]["limit"], 3);
  EXPECT_EQ(Post("/api/v1/requests", body, kJson, Bearer(kSubmitterToken))->status, 200);
  const auto other = Post("/api/v1/requests", R"({"request_id":"api-1","model":"org/other"})",
                          kJson, Bearer(kSubmitterToken));
  EXPECT_EQ(other->status, 409);
}

TEST_F(WebSubmitTest, BadBodiesNameTheField) {
  Start();
  for (const auto& [body, field] : std::initializer_list<std::pair<const char*, const char*>>{
           {"{", "JSON"},
           {"[]", "body"},
           {R"({"model":7})", "model"},
           {R"({"model":"org/good","colour":"red"})", "colour"},
           {R"({"model":"org/good","limit":"3"})", "limit"},
           {R"({"model":"org/good","precision":"int4"})", "precision"}}) {
    const auto answer = Post("/api/v1/requests", body, kJson);
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->status, 400) << body;
    if (std::string_view(field) != "JSON") {
      EXPECT_THAT(answer->body, HasSubstr(field));
    }
  }
  EXPECT_EQ(Post("/api/v1/requests", std::string(70'000, ' '), kJson)->status, 413);
}

}  // namespace
}  // namespace koeval::service
