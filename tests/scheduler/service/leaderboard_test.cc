// One leaderboard for pages, files and koeval.v1: which evaluations have a row, and how rows are
// told apart.
#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "common/base/file.h"
#include "scheduler/cli/view_convert.h"
#include "scheduler/cli/view_json.h"
#include "tests/scheduler/service/web_harness.h"

namespace koeval::service {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

class LeaderboardTest : public WebTest {
 protected:
  // Submits and waits for its scores.
  void Finish(const std::string& id, const std::function<void(v1::RequestSpec*)>& change = {}) {
    const FakeWorker worker(channel_, "node-" + id);
    grpc::ClientContext context;
    Prepare(&context);
    v1::SubmitRequest request;
    request.set_request_id(id);
    request.mutable_spec()->set_model("org/good");
    request.mutable_spec()->set_suite("toy");
    if (change) change(request.mutable_spec());
    v1::SubmitResponse response;
    const grpc::Status status = queue_->Submit(&context, request, &response);
    ASSERT_TRUE(status.ok()) << status.error_message();
    ASSERT_EQ(WaitForPhase(id, "done").state(), v1::REQUEST_STATE_FINISHED);
  }

  v1::GetLeaderboardResponse Rpc(const std::string& version = "",
                                 const std::string& settings = "") {
    grpc::ClientContext context;
    Prepare(&context);
    v1::GetLeaderboardRequest request;
    request.set_suite_version(version);
    request.set_settings(settings);
    v1::GetLeaderboardResponse response;
    const grpc::Status status = results_->GetLeaderboard(&context, request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response;
  }

  // Requests of the rows, by way of koeval.v1, of the JSON API and of the CSV file: all the same.
  std::vector<std::string> Rows(const std::string& version = "", const std::string& settings = "") {
    std::vector<std::string> rpc;
    const v1::GetLeaderboardResponse board = Rpc(version, settings);
    for (const v1::LeaderboardRow& row : board.rows()) rpc.push_back(row.request_id());
    const std::string query = fmt::format("?version={}&settings={}", version, settings);
    std::vector<std::string> api;
    const Json json = Api("/api/v1/leaderboard" + query)["leaderboard"]["rows"];
    for (const Json& row : json) api.push_back(row["request"]);
    EXPECT_EQ(api, rpc);
    const std::string csv = Body("/leaderboard.csv" + query);
    for (const std::string& id : rpc) EXPECT_THAT(csv, HasSubstr("," + id + ",")) << csv;
    EXPECT_EQ(static_cast<size_t>(std::count(csv.begin(), csv.end(), '\n')), rpc.size() + 1);
    const std::string html = Body("/" + query);
    for (const std::string& id : rpc) EXPECT_THAT(html, HasSubstr("href=\"/requests/" + id + "\""));
    return rpc;
  }

  void ReplaceInSuite(const std::string& from, const std::string& to) {
    const std::string path = dir_.path("suites/toy.yaml");
    std::string text = ReadFile(path).value();
    const size_t at = text.find(from);
    ASSERT_NE(at, std::string::npos) << text;
    WriteText(path, text.replace(at, from.size(), to));
  }
};

TEST_F(LeaderboardTest, ARunOfSomeDocumentsIsNoRow) {
  Start();
  Finish("whole");
  Finish("some", [](v1::RequestSpec* spec) { spec->set_limit(6); });
  EXPECT_THAT(Rows(), ElementsAre("whole"));
}

TEST_F(LeaderboardTest, AVersionOfTheSuiteHasALeaderboardOfItsOwn) {
  Start();
  Finish("old");
  ReplaceInSuite("version: \"1\"", "version: \"2\"");
  Restart();
  EXPECT_THAT(Rows(), IsEmpty());
  Finish("new");
  EXPECT_THAT(Rows(), ElementsAre("new"));
  EXPECT_THAT(Rows("1"), ElementsAre("old"));
  const v1::GetLeaderboardResponse board = Rpc("1");
  EXPECT_THAT(board.suite_versions(), ElementsAre("2", "1"));
  EXPECT_EQ(board.rows(0).rank(), 1);
  EXPECT_EQ(board.rows(0).suite_version(), "1");
  EXPECT_THAT(board.columns(), ElementsAre("Toy-A", "Toy-B"));
  EXPECT_EQ(StatusOf("/?version=3"), 404);
}

TEST_F(LeaderboardTest, AnEvaluationWithOtherSettingsIsAMarkedRowOfItsOwn) {
  Start();
  Finish("plain");
  Finish("chat", [](v1::RequestSpec* spec) { spec->set_chat_template(""); });
  Finish("one-turn", [](v1::RequestSpec* spec) {
    spec->set_chat_template("");
    spec->set_fewshot_as_multiturn(false);
  });
  Finish("instructed", [](v1::RequestSpec* spec) { spec->set_system_instruction("Be brief."); });
  EXPECT_THAT(Rows(), UnorderedElementsAre("plain", "chat", "one-turn", "instructed"));
  EXPECT_THAT(Rows("", "standard"), ElementsAre("plain"));
  EXPECT_THAT(Rows("", "chat"), UnorderedElementsAre("chat", "one-turn"));
  EXPECT_THAT(Rows("", "other"), ElementsAre("instructed"));
  const v1::GetLeaderboardResponse board = Rpc("", "other");
  EXPECT_THAT(board.rows(0).settings(), ElementsAre("system_instruction"));
  EXPECT_EQ(board.rows(0).system_instruction(), "Be brief.");
  EXPECT_FALSE(board.rows(0).has_chat_template());
  EXPECT_EQ(StatusOf("/?settings=odd"), 400);
}

TEST_F(LeaderboardTest, AChatEvaluationDoesNotTakeThePlaceOfImportedScores) {
  Start();
  ImportScores("org/good");
  const auto count_imported = [this] {
    int count = 0;
    const v1::GetLeaderboardResponse shown = Rpc();
    for (const v1::LeaderboardRow& row : shown.rows()) count += row.imported() ? 1 : 0;
    return count;
  };
  EXPECT_EQ(count_imported(), 1);
  Finish("chat", [](v1::RequestSpec* spec) { spec->set_chat_template(""); });
  Finish("some", [](v1::RequestSpec* spec) { spec->set_limit(6); });
  EXPECT_EQ(count_imported(), 1);
  Finish("plain");
  EXPECT_EQ(count_imported(), 0);
}

TEST_F(LeaderboardTest, TheClientsJsonSaysOfARowWhatTheApiSays) {
  Start();
  Finish("plain");
  Finish("chat", [](v1::RequestSpec* spec) { spec->set_chat_template(""); });
  const Json client = cli::ToJson(cli::ToView(Rpc()));
  const Json api = Api("/api/v1/leaderboard")["leaderboard"];
  for (const char* key : {"suite", "suite_version", "suite_versions", "profile", "columns"}) {
    EXPECT_EQ(client[key], api[key]) << key;
  }
  ASSERT_EQ(client["rows"].size(), 2U);
  for (size_t i = 0; i < 2; ++i) {
    for (const auto& [key, value] : api["rows"][i].items()) {
      if (key != "entries" && client["rows"][i].contains(key)) {
        EXPECT_EQ(client["rows"][i][key], value) << key;
      }
    }
    EXPECT_TRUE(client["rows"][i].contains("settings"));
    EXPECT_EQ(client["rows"][i]["entries"].size(), api["rows"][i]["entries"].size());
  }
}

TEST_F(LeaderboardTest, TheFirstReaderAfterAStartSeesWhatFinishedBefore) {
  Start();
  Finish("a");
  Restart();
  EXPECT_THAT(Rows(), ElementsAre("a"));
}

}  // namespace
}  // namespace koeval::service
