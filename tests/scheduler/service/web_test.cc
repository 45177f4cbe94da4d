// Pages and JSON API over HTTP, against a scheduler in this process.
#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>

#include "koeval/v1/board.grpc.pb.h"
#include "scheduler/store/job_store.h"
#include "tests/scheduler/service/web_harness.h"

namespace koeval::service {
namespace {

using testing::HasSubstr;
using testing::Not;

const httplib::Headers kKorean = {{"Accept-Language", "ko-KR,ko;q=0.9"}};

TEST_F(WebTest, TheLeaderboardFollowsWhatFinishes) {
  Start();
  EXPECT_THAT(Body("/"), HasSubstr("No evaluation has finished yet"));
  RunSome();
  const std::string html = Body("/");
  EXPECT_THAT(html, HasSubstr("href=\"/requests/finished\">org/good"));
  EXPECT_THAT(html, Not(HasSubstr("org/broken")));
  EXPECT_THAT(Body("/", kKorean), HasSubstr("표준 오차"));
  const Json board = Api("/api/v1/leaderboard")["leaderboard"];
  ASSERT_EQ(board["rows"].size(), 1U);
  EXPECT_EQ(board["rows"][0]["request"], "finished");
  EXPECT_EQ(board["rows"][0]["architecture"], "LlamaForCausalLM");
  EXPECT_EQ(board["columns"], Json({"Toy-A", "Toy-B"}));
  const Json results = Api("/api/v1/requests/finished/results")["results"];
  EXPECT_EQ(board["rows"][0]["average"], results["average"]);
  EXPECT_THAT(Body("/leaderboard.csv"), HasSubstr("\r\n1,org/good,"));
}

TEST_F(WebTest, AKeptLeaderboardIsOfItsLanguageQueryAndBoard) {
  Start();
  RunSome();
  const auto tag = [this](const std::string& path, const httplib::Headers& headers = {}) {
    const auto answer = Get(path, headers);
    EXPECT_TRUE(answer);
    return answer ? answer->get_header_value("ETag") : "";
  };
  const std::string first = tag("/");
  EXPECT_EQ(tag("/"), first);
  EXPECT_NE(tag("/", kKorean), first);
  EXPECT_NE(tag("/?q=nothing"), first);
  EXPECT_EQ(StatusOf("/", {{"If-None-Match", first}}), 304);
  FakeWorker worker(channel_, "node-2");
  WaitForPhase("waiting", "done");
  EXPECT_NE(tag("/"), first);
  EXPECT_EQ(StatusOf("/", {{"If-None-Match", first}}), 200);
}

TEST_F(WebTest, AFlagHidesAModelUntilItIsLiftedOrAskedFor) {
  Start();
  RunSome();
  const auto board = v1::BoardService::NewStub(channel_);
  const auto is_listed = [this](const std::string& path) {
    return Body(path).find("href=\"/requests/finished\"") != std::string::npos;
  };
  EXPECT_TRUE(is_listed("/"));
  v1::FlagModelRequest flag;
  flag.set_model("org/good");
  flag.set_reason("<b>contaminated");
  flag.set_url("https://hub.example/discussions/1");
  v1::FlagModelResponse flagged;
  grpc::ClientContext first;
  Prepare(&first);
  ASSERT_TRUE(board->FlagModel(&first, flag, &flagged).ok());
  EXPECT_FALSE(is_listed("/"));
  EXPECT_TRUE(is_listed("/?flagged=1"));
  const std::string html = Body("/?flagged=1");
  EXPECT_THAT(html, HasSubstr("&lt;b&gt;contaminated"));
  EXPECT_THAT(html, HasSubstr("href=\"https://hub.example/discussions/1\""));
  v1::UnflagModelRequest unflag;
  unflag.set_model("org/good");
  v1::UnflagModelResponse lifted;
  grpc::ClientContext second;
  Prepare(&second);
  ASSERT_TRUE(board->UnflagModel(&second, unflag, &lifted).ok());
  EXPECT_TRUE(is_listed("/"));
}

TEST_F(WebTest, ImportedScoresStandBesideOurOwn) {
  Start();
  ImportScores("old/model");
  const Json rows = Api("/api/v1/leaderboard")["leaderboard"]["rows"];
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(rows[0]["model"], "old/model");
  EXPECT_EQ(rows[0]["imported"], true);
  EXPECT_EQ(rows[0]["average"], 0.5);
  EXPECT_THAT(Body("/"), HasSubstr("old/model <span class=\"tag\">imported</span>"));
}

TEST_F(WebTest, TheQueueShowsTheFourStatesWithReasons) {
  Start();
  RunSome();
  const std::string html = Body("/queue");
  for (const char* id : {"finished", "failed", "waiting"}) {
    EXPECT_THAT(html, HasSubstr(fmt::format("href=\"/requests/{}\"", id)));
  }
  EXPECT_THAT(html, HasSubstr("model.safetensors ends early"));
  EXPECT_THAT(html, HasSubstr("Upload the file again."));
  const std::string failed = Body("/queue?state=failed", kKorean);
  EXPECT_THAT(failed, HasSubstr("/requests/failed"));
  EXPECT_THAT(failed, Not(HasSubstr("/requests/waiting")));
  EXPECT_EQ(StatusOf("/queue?state=lost"), 400);
}

TEST_F(WebTest, ARequestShowsAttemptsScoresAndTheCommand) {
  Start();
  RunSome();
  const std::string html = Body("/requests/finished");
  EXPECT_THAT(html, HasSubstr("Toy-A"));
  EXPECT_THAT(html, HasSubstr("node-1"));
  EXPECT_THAT(html,
              HasSubstr("koeval eval --model org/good --revision main --suite toy --profile"));
  EXPECT_THAT(Body("/requests/waiting"), HasSubstr("data-watch=\"/api/v1/watch?after="));
  EXPECT_EQ(StatusOf("/requests/nothing"), 404);
  EXPECT_EQ(StatusOf("/nothing"), 404);
}

TEST_F(WebTest, TheApiSaysWhatTheServicesSay) {
  Start();
  RunSome();
  EXPECT_EQ(Api("/api/v1/queue")["queue"]["finished"], 1);
  EXPECT_EQ(Api("/api/v1/suites")["suites"][0]["name"], "toy");
  const Json failed = Api("/api/v1/requests/failed");
  EXPECT_EQ(failed["request"]["ending"], "BAD_CHECKPOINT");
  const Json first = Api("/api/v1/requests?page_size=2");
  EXPECT_EQ(first["requests"].size(), 2U);
  const Json rest =
      Api("/api/v1/requests?page_size=2&page_token=" + first["next_page_token"].get<std::string>());
  ASSERT_EQ(rest["requests"].size(), 1U);
  EXPECT_EQ(rest["requests"][0]["id"], "waiting");
  EXPECT_EQ(rest["next_page_token"], "");
}

TEST_F(WebTest, ErrorsOfTheApiAreJsonWithACode) {
  Start();
  const auto missing = Get("/api/v1/requests/nothing");
  ASSERT_TRUE(missing);
  EXPECT_EQ(missing->status, 404);
  EXPECT_EQ((*ParseJson(missing->body))["error"]["code"], "NOT_FOUND");
  EXPECT_EQ(StatusOf("/api/v1/requests?page_size=1001"), 400);
  EXPECT_EQ(StatusOf("/api/v1/requests?state=LOST"), 400);
  EXPECT_EQ(StatusOf("/api/v1/leaderboard?sort=nothing"), 400);
  EXPECT_EQ(StatusOf("/api/v1/watch?after=999999999"), 400);
  EXPECT_EQ(StatusOf("/api/v1/requests?a=%"), 400);
}

TEST_F(WebTest, EveryPageHasTheHeadersThatKeepScriptsOut) {
  Start();
  for (const char* path : {"/", "/queue", "/about", "/nothing", "/api/v1/queue"}) {
    const auto answer = Get(path);
    ASSERT_TRUE(answer);
    EXPECT_THAT(answer->get_header_value("Content-Security-Policy"),
                HasSubstr("default-src 'none'; script-src 'self'; style-src 'self'"));
    EXPECT_THAT(answer->get_header_value("Content-Security-Policy"), Not(HasSubstr("unsafe")));
    EXPECT_EQ(answer->get_header_value("X-Frame-Options"), "DENY");
    EXPECT_EQ(answer->get_header_value("X-Content-Type-Options"), "nosniff");
  }
}

TEST_F(WebTest, PagesAreRevalidatedAndAssetsKept) {
  Start();
  const auto page = Get("/about");
  ASSERT_TRUE(page);
  const std::string tag = page->get_header_value("ETag");
  EXPECT_EQ(StatusOf("/about", {{"If-None-Match", tag}}), 304);
  EXPECT_EQ(StatusOf("/about", {{"If-None-Match", tag}, {"Accept-Language", "ko"}}), 200);
  const size_t href = page->body.find("/assets/style.");
  const auto style = Get(page->body.substr(href, page->body.find('"', href) - href));
  ASSERT_TRUE(style);
  EXPECT_EQ(style->status, 200);
  EXPECT_THAT(style->get_header_value("Cache-Control"), HasSubstr("immutable"));
  EXPECT_EQ(StatusOf("/assets/style.css"), 404);
}

TEST_F(WebTest, LargeBodiesAreCompressedWithGzipAlone) {
  Start();
  httplib::Client client("http://" + scheduler_->http_address());
  client.set_decompress(false);
  const auto packed = client.Get("/about", {{"Accept-Encoding", "br, gzip, deflate"}});
  ASSERT_TRUE(packed);
  EXPECT_EQ(packed->get_header_value("Content-Encoding"), "gzip");
  const auto plain = client.Get("/about", {{"Accept-Encoding", "br"}});
  ASSERT_TRUE(plain);
  EXPECT_EQ(plain->get_header_value("Content-Encoding"), "");
  EXPECT_LT(packed->body.size(), plain->body.size());
}

TEST_F(WebTest, TheLanguageIsRemembered) {
  Start();
  const auto chosen = Get("/about?lang=ko");
  ASSERT_TRUE(chosen);
  EXPECT_THAT(chosen->body, HasSubstr("<html lang=\"ko\">"));
  const std::string cookie = chosen->get_header_value("Set-Cookie");
  EXPECT_THAT(cookie, HasSubstr("SameSite=Lax"));
  EXPECT_THAT(Body("/about", {{"Cookie", cookie.substr(0, cookie.find(';'))}}),
              HasSubstr("<html lang=\"ko\">"));
}

TEST_F(WebTest, WithTokensReadingNeedsOne) {
  UseTokens();
  Start();
  const auto refused = Get("/queue");
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->status, 401);
  EXPECT_THAT(refused->get_header_value("WWW-Authenticate"), HasSubstr("Basic"));
  EXPECT_EQ(StatusOf("/api/v1/queue"), 401);
  EXPECT_EQ(StatusOf("/queue", {httplib::make_basic_authentication_header("me", kReaderToken)}),
            200);
  EXPECT_EQ(StatusOf("/api/v1/queue", Bearer(kReaderToken)), 200);
  EXPECT_EQ(StatusOf("/queue", {{"Authorization", "Bearer wrong-token-0123456789"}}), 401);
  EXPECT_EQ(StatusOf("/queue", {{"Authorization", "Basic !"}}), 401);
  EXPECT_EQ(StatusOf("/healthz"), 200);
}

TEST_F(WebTest, PublicPagesHideWhoSubmittedAndWhereItRan) {
  UseTokens();
  config_.web.public_pages = true;
  Start();
  v1::SubmitResponse response;
  ASSERT_TRUE(Submit("a", &response, "org/broken", kSubmitterToken).ok());
  const httplib::Headers token = Bearer(kReaderToken);
  EXPECT_THAT(Body("/requests/a"), Not(HasSubstr("alice")));
  EXPECT_THAT(Body("/api/v1/requests/a"), HasSubstr("\"submitter\":\"\""));
  EXPECT_THAT(Body("/api/v1/requests/a", token), HasSubstr("alice"));
  EXPECT_EQ(StatusOf("/api/v1/requests?submitter=alice"), 403);
  httplib::Client client("http://" + scheduler_->http_address());
  std::string text;
  client.Get("/api/v1/watch?after=0", [&text](const char* data, size_t size) {
    text.append(data, size);
    return text.find("\"kind\":\"submitted\"") == std::string::npos;
  });
  EXPECT_THAT(text, HasSubstr("\"request\":\"a\",\"kind\":\"submitted\",\"text\":\"\""));
}

TEST_F(WebTest, TheStreamGoesOnWhereTheReaderWas) {
  Start();
  MustSubmit("a");
  WaitForPhase("a", "queued");
  httplib::Client client("http://" + scheduler_->http_address());
  std::string text;
  const auto read = [&text](const char* data, size_t size) {
    text.append(data, size);
    return text.find("\"kind\":\"checked\"") == std::string::npos;
  };
  client.Get("/api/v1/watch?after=0", read);
  EXPECT_THAT(text, HasSubstr("event: change\ndata: {\"seq\":1,"));
  EXPECT_THAT(text, HasSubstr("\"request\":\"a\",\"kind\":\"submitted\""));
  text.clear();
  client.Get("/api/v1/watch?after=0", {{"Last-Event-ID", "1"}}, read);
  EXPECT_THAT(text, Not(HasSubstr("\"seq\":1,")));
}

TEST_F(WebTest, StoppingEndsOpenStreams) {
  Start();
  std::promise<void> open;
  auto ended = std::async(std::launch::async, [this, &open] {
    httplib::Client client("http://" + scheduler_->http_address());
    bool first = true;
    client.Get("/api/v1/watch", [&](const char*, size_t) {
      if (first) open.set_value();
      first = false;
      return true;
    });
  });
  open.get_future().wait();
  Stop();
  ended.wait();
}

TEST_F(WebTest, AnUnreadableAboutFileStopsTheStart) {
  config_.web.about_file = dir_.path("nothing.md");
  auto store = store::OpenSqliteStore(config_.DatabasePath());
  const auto started = Scheduler::Start(
      config_, {std::move(*store), std::make_unique<FakeChecks>(), clock_, [](const Status&) {}});
  ASSERT_FALSE(started.ok());
  EXPECT_THAT(started.status().message(), HasSubstr("web.about_file"));
}

}  // namespace
}  // namespace koeval::service
