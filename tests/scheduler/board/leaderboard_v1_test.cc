// Result files in the layout of the leaderboard's first version: what is written, and that reading
// it gives back what is known. The last test needs KOEVAL_TEST_DATA.
#include "scheduler/board/leaderboard_v1.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "common/base/file.h"
#include "scheduler/board/board_folder.h"
#include "scheduler/board/python_json.h"
#include "scheduler/board/result_file.h"
#include "tests/common/test_data.h"

namespace koeval::board {
namespace {

constexpr const char* kPath = "org/m/result_2023-11-14 22:13:20.json";

// One score of the harness of 2024, whose file has groups, filters and versions.
constexpr const char* kHarness =
    R"({"config_general": {"model_name": "org/m", "job_id": 7, "model_dtype": "torch.float16"},)"
    R"("results": {"ko_eqbench": {"alias": "eq", "acc,none": 0.5, "acc_stderr,none": 0.25},)"
    R"("arc_challenge": {"acc_norm,none": 0.75, "acc_norm_stderr,none": "N/A", "acc,none": 0.25},)"
    R"("mmlu_anatomy": {"acc,none": 0.125},)"
    R"("gsm8k": {"exact_match,strict-match": 0.0625, "exact_match,flexible-extract": 0.5},)"
    R"("ko_group": {"acc,none": 0.9}},)"
    R"("groups": {"ko_group": {"acc,none": 0.9}}, "versions": {"ko_eqbench": 2.0},)"
    R"("n-shot": {"ko_eqbench": 0, "arc_challenge": 25, "mmlu_anatomy": 5, "gsm8k": 5},)"
    R"("n-samples": {"ko_eqbench": {"original": 8, "effective": 8}},)"
    R"("koeval": {"profile": "lm-eval-0.4"},)"
    R"("config": {"model_args": "pretrained=org/m,revision=abc", "model_sha": "abc"}})";

Json MustWrite(const std::string& path, const std::string& text) {
  const auto written = ToLeaderboardV1(path, text);
  EXPECT_TRUE(written.ok()) << path << ": " << written.status().ToString();
  return written.ok() ? *ParsePythonObject(*written) : Json::object();
}

// What is known of a score: task, metric, value, error, shots, documents.
using Known = std::tuple<std::string, std::string, double, std::optional<double>,
                         std::optional<int64_t>, std::optional<int64_t>>;

// The scores of a file but "all", with tasks as the leaderboard names them.
std::multiset<Known> KnownOf(const ResultFile& file, const std::set<std::string>& groups = {}) {
  std::multiset<Known> out;
  std::set<std::pair<std::string, std::string>> taken;
  for (const ImportedScore& score : file.scores) {
    if (score.task == "all" || groups.contains(score.task)) continue;
    if (!taken.insert({score.task, score.metric}).second) continue;
    std::string task = score.task;
    if (task.starts_with("arc_")) task.replace(3, 1, ":");
    if (task.starts_with("mmlu_")) task.replace(0, 5, "hendrycksTest-");
    out.insert(
        {task, score.metric, score.value, score.stderr_value, score.num_fewshot, score.documents});
  }
  return out;
}

TEST(LeaderboardV1, KeysSayTaskAndShotsAndMetricsHaveNoFilters) {
  const Json json = MustWrite(kPath, kHarness);
  EXPECT_EQ(json["results"]["harness|ko_eqbench|0"], (Json{{"acc", 0.5}, {"acc_stderr", 0.25}}));
  EXPECT_EQ(json["results"]["harness|arc:challenge|25"], (Json{{"acc_norm", 0.75}, {"acc", 0.25}}));
  EXPECT_EQ(json["results"]["harness|hendrycksTest-anatomy|5"], (Json{{"acc", 0.125}}));
  EXPECT_EQ(json["results"]["harness|gsm8k|5"], (Json{{"exact_match", 0.0625}}));
  EXPECT_EQ(json["results"].size(), 5u) << "four tasks and all, no group";
  EXPECT_EQ(json["versions"]["harness|ko_eqbench|0"], 2.0);
  EXPECT_TRUE(json["versions"]["harness|gsm8k|5"].is_null());
  EXPECT_EQ(json["versions"]["all"], 0);
  EXPECT_EQ(json["config_tasks"]["harness|gsm8k"], "LM Harness task");
}

TEST(LeaderboardV1, AllHasThePlainMeanOfEveryMetric) {
  const Json all = MustWrite(kPath, kHarness)["results"]["all"];
  EXPECT_EQ(all["acc"], (0.5 + 0.25 + 0.125) / 3);
  EXPECT_EQ(all["acc_stderr"], 0.25);
  EXPECT_EQ(all["acc_norm"], 0.75);
  EXPECT_EQ(all["exact_match"], 0.0625);
  EXPECT_FALSE(all.contains("acc_norm_stderr"));
}

TEST(LeaderboardV1, WhatTheFileSaysOfItsRunIsKeptAndTheRestIsNull) {
  const Json json = MustWrite(kPath, kHarness);
  EXPECT_EQ(json["config_general"]["job_id"], 7);
  EXPECT_EQ(json["config_general"]["model_dtype"], "torch.float16");
  EXPECT_EQ(json["config_general"]["model_sha"], "abc");
  EXPECT_TRUE(json["config_general"]["model_size"].is_null());
  EXPECT_EQ(json["koeval"]["profile"], "lm-eval-0.4");
}

TEST(LeaderboardV1, ReadingItGivesBackWhatIsKnown) {
  const ResultFile before = *ParseResultFile(kPath, kHarness);
  const std::string text = *ToLeaderboardV1(kPath, kHarness);
  const ResultFile after = *ParseResultFile(kPath, text);
  EXPECT_EQ(after.format, "leaderboard");
  EXPECT_EQ(after.model, before.model);
  EXPECT_EQ(after.revision, before.revision);
  EXPECT_EQ(after.precision, before.precision);
  EXPECT_EQ(after.date, before.date);
  EXPECT_EQ(KnownOf(after), KnownOf(before, {"ko_group"}));
}

TEST(LeaderboardV1, AFileOfTheLayoutIsGivenBackByteByByte) {
  const std::string text = *ToLeaderboardV1(kPath, kHarness);
  EXPECT_EQ(ToLeaderboardV1(kPath, text).value(), text);
  const std::string foreign =
      "{\"config_general\" :{\"model_name\":\"a/b\"},\r\n \"results\": "
      "{\"harness|truthfulqa:mc|0\": {\"mc1\": NaN, \"mc2\": 0.5}, \"all\": {}}}";
  EXPECT_EQ(ToLeaderboardV1("a/b.json", foreign).value(), foreign);
}

TEST(LeaderboardV1, ShotsAndDatesThatThePathDoesNotSaySurvive) {
  const std::string text =
      R"({"model_name": "m", "date": 1700000000.5, "results": {"t": {"acc": 1}}})";
  const Json json = MustWrite("m.json", text);
  EXPECT_TRUE(json["results"].contains("harness|t|?"));
  const ResultFile after = *ParseResultFile("m.json", json.dump());
  EXPECT_EQ(after.date.micros, 1'700'000'000'500'000);
  EXPECT_FALSE(after.scores.front().num_fewshot.has_value());
}

TEST(LeaderboardV1, OtherTextsAreRefused) {
  EXPECT_EQ(ToLeaderboardV1("a.json", "{}").status().code(), Code::kInvalidArgument);
}

// Every published file of other versions, written in the layout and read again.
TEST(LeaderboardV1, NothingKnownIsLostOfPublishedFiles) {
  const auto data = TestData("results");
  if (!data.ok()) GTEST_SKIP() << data.status().message();
  const std::string& root = *data;
  const auto folder = ListBoardFolder(root);
  ASSERT_TRUE(folder.ok()) << folder.status().ToString();
  size_t scores = 0;
  for (const std::string& path : folder->paths) {
    const std::string text = ReadFile(root + "/" + path).value();
    const ResultFile before = *ParseResultFile(path, text);
    const auto written = ToLeaderboardV1(path, text);
    ASSERT_TRUE(written.ok()) << path << ": " << written.status().ToString();
    const auto after = ParseResultFile(path, *written);
    ASSERT_TRUE(after.ok()) << path << ": " << after.status().ToString();
    EXPECT_EQ(after->format, "leaderboard") << path;
    EXPECT_EQ(std::tie(after->model, after->revision, after->precision, after->date),
              std::tie(before.model, before.revision, before.precision, before.date))
        << path;
    std::set<std::string> groups;
    const Json json = *ParsePythonObject(text);
    if (const Json* named = JsonFind(json, "groups")) {
      for (const auto& [group, value] : named->items()) groups.insert(group);
    }
    EXPECT_EQ(KnownOf(*after), KnownOf(before, groups)) << path;
    scores += KnownOf(*after).size();
  }
  EXPECT_GT(scores, 1'000u);
}

}  // namespace
}  // namespace koeval::board
