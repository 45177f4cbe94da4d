// The form of a submission where there is a model hub: what a submission would meet, what is stored
// already, and tokens of the hub.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>

#include <sstream>

#include "common/base/file.h"
#include "tests/scheduler/service/memory_hub.h"
#include "tests/scheduler/service/web_harness.h"

namespace koeval::service {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr const char* kForm = "application/x-www-form-urlencoded";
const httplib::Headers kOverTls = {{"X-Forwarded-Proto", "https"},
                                   {"X-Forwarded-For", "192.0.2.1"}};
const httplib::Headers kInTheOpen = {{"X-Forwarded-Proto", "http"}};

class WebHubTest : public WebTest {
 protected:
  WebHubTest() : memory_(std::make_shared<MemoryHub>()) {
    hub_ = memory_;
    config_.hub.endpoint = "http://hub.invalid";
    memory_->Set("org/name", "main", hub::GoodFiles());
  }

  void TakeHubTokens() {
    UseTokens();
    config_.web.public_pages = true;
    config_.hub.accept_tokens = true;
  }

  httplib::Result Send(const std::string& token, const httplib::Headers& headers,
                       const std::string& action = "submit") {
    return Post("/submit",
                "request_id=w-1&model=org%2Fname&precision=float16&action=" + action +
                    "&hub_token=" + token,
                kForm, headers);
  }

  std::shared_ptr<MemoryHub> memory_;
};

TEST_F(WebHubTest, ACheckSaysCostPlacementAndStart) {
  Start();
  const auto check = [this](const std::string& model) {
    const auto answer =
        Post("/submit", "model=" + model + "&precision=float16&action=check", kForm);
    EXPECT_TRUE(answer);
    return answer ? answer->body : "";
  };
  const std::string without = check("org%2Fname");
  EXPECT_THAT(without, HasSubstr("<dt>Documents</dt><dd>10</dd>"));
  EXPECT_THAT(without, HasSubstr("It would wait: no worker is connected that takes work."));
  EXPECT_THAT(without, HasSubstr("<dt>Starts in about</dt><dd>not known</dd>"));
  const FakeWorker worker(channel_, "node-1");
  EXPECT_THAT(check("org%2Fname"), HasSubstr("<dt>Starts in about</dt><dd>at once</dd>"));
  const auto korean =
      Post("/submit?lang=ko", "model=org%2Fname&precision=float16&action=check", kForm);
  ASSERT_TRUE(korean);
  EXPECT_THAT(korean->body, HasSubstr("빈 슬롯이 있어 바로 시작합니다."));
  EXPECT_THAT(korean->body, Not(HasSubstr("It would start")));
}

TEST_F(WebHubTest, WhatIsStoredAlreadyIsLinkedAndNotStoredAgain) {
  Start();
  MustSubmit("first", "org/name");
  for (const char* action : {"check", "submit"}) {
    const auto answer = Post(
        "/submit",
        std::string("request_id=w-2&model=org%2Fname&precision=float32&action=") + action, kForm);
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->status, 200);
    EXPECT_THAT(answer->body,
                HasSubstr("Already stored as <a href=\"/requests/first\"><code>first</code></a>"));
  }
  EXPECT_EQ(Api("/api/v1/requests")["requests"].size(), 1U);
  const auto api = Post("/api/v1/check", R"({"model":"org/name"})", "application/json");
  ASSERT_TRUE(api);
  EXPECT_EQ((*ParseJson(api->body))["report"]["submission"]["same_request_id"], "first");
}

TEST_F(WebHubTest, ATokenOfTheHubSubmitsAsItsAccount) {
  TakeHubTokens();
  Start();
  EXPECT_THAT(Body("/submit"),
              HasSubstr("type=\"password\" name=\"hub_token\" autocomplete=\"off\""));
  EXPECT_EQ(Send("hf_ann", {})->status, 303);
  EXPECT_THAT(Get("/api/v1/requests/w-1", Bearer(kReaderToken))->body,
              HasSubstr("\"submitter\":\"hub:ann\""));
  EXPECT_EQ(Send("hf_ann", kOverTls)->status, 303);
}

TEST_F(WebHubTest, WithoutTlsTheFieldIsNotOfferedAndATokenNotLookedAt) {
  TakeHubTokens();
  Start();
  for (const httplib::Headers& headers : std::initializer_list<httplib::Headers>{
           kInTheOpen, {{"X-Forwarded-For", "192.0.2.1"}}, {{"Host", "board.example"}}}) {
    const std::string page = Body("/submit", headers);
    EXPECT_THAT(page, Not(HasSubstr("name=\"hub_token\""))) << headers.begin()->first;
    EXPECT_THAT(page, HasSubstr("over TLS (https)"));
    const auto refused = Send("hf_ann", headers);
    ASSERT_TRUE(refused);
    EXPECT_EQ(refused->status, 403);
    EXPECT_THAT(refused->body, Not(HasSubstr("hf_ann")));
  }
  EXPECT_EQ(memory_->asked(), 0);
}

TEST_F(WebHubTest, WhereTokensOfTheHubAreNotTakenTheFormHasNoFieldForThem) {
  UseTokens();
  config_.web.public_pages = true;
  Start();
  EXPECT_THAT(Body("/submit"), Not(HasSubstr("hub_token")));
  EXPECT_EQ(Send("hf_ann", {})->status, 403);
  EXPECT_EQ(memory_->asked(), 0);
}

TEST_F(WebHubTest, ATokenIsNeitherShownNorLoggedNorStored) {
  std::ostringstream log;
  const auto before = spdlog::default_logger();
  auto logger = std::make_shared<spdlog::logger>(
      "test", std::make_shared<spdlog::sinks::ostream_sink_mt>(log));
  logger->set_level(spdlog::level::trace);
  spdlog::set_default_logger(logger);
  TakeHubTokens();
  Start();
  for (const char* action : {"check", "submit"}) {
    for (const char* token : {"hf_ann", "hf_unknown_token"}) {
      const auto answer = Send(token, kOverTls, action);
      ASSERT_TRUE(answer);
      EXPECT_THAT(answer->body, Not(HasSubstr(token)));
      EXPECT_THAT(answer->get_header_value("Location"), Not(HasSubstr(token)));
    }
  }
  Stop();
  spdlog::set_default_logger(before);
  EXPECT_THAT(log.str(), Not(HasSubstr("hf_")));
  const auto database = ReadFile(config_.DatabasePath());
  ASSERT_TRUE(database.ok());
  EXPECT_THAT(*database, HasSubstr("hub:ann"));
  EXPECT_THAT(*database, Not(HasSubstr("hf_ann")));
}

}  // namespace
}  // namespace koeval::service
