// Result files of the harness's versions, its forks and the leaderboard. The last test needs
// KOEVAL_TEST_DATA.
#include "scheduler/board/result_file.h"

#include <gtest/gtest.h>

#include <map>

#include "common/base/file.h"
#include "scheduler/board/board_folder.h"
#include "scheduler/board/python_json.h"
#include "tests/common/test_data.h"

namespace koeval::board {
namespace {

ResultFile MustParse(const std::string& path, const std::string& text) {
  auto file = ParseResultFile(path, text);
  EXPECT_TRUE(file.ok()) << path << ": " << file.status().ToString();
  return file.ok() ? *file : ResultFile{};
}

TEST(ResultFileTest, HarnessOf2024HasFiltersAndShotsByTask) {
  const ResultFile file = MustParse(
      "run/a.json",
      R"({"results": {"arc_challenge": {"alias": "arc", "acc,none": 0.5, "acc_stderr,none": 0.25,)"
      R"("acc_norm,none": 0.75, "acc_norm_stderr,none": "N/A"}},)"
      R"("n-shot": {"arc_challenge": 25}, "n-samples": {"arc_challenge": {"effective": 40}},)"
      R"("config": {"model_args": "pretrained=org/m,dtype=float16,revision=abc"},)"
      R"("date": 1700000000.5})");
  EXPECT_EQ(file.model, "org/m");
  EXPECT_EQ(file.revision, "abc");
  EXPECT_EQ(file.precision, "float16");
  EXPECT_EQ(file.format, "lm-eval-0.4");
  EXPECT_EQ(file.date.micros, 1'700'000'000'500'000);
  ASSERT_EQ(file.scores.size(), 2u);
  EXPECT_EQ(file.scores[0].task, "arc_challenge");
  EXPECT_EQ(file.scores[0].metric, "acc");
  EXPECT_EQ(file.scores[0].filter, "none");
  EXPECT_EQ(file.scores[0].value, 0.5);
  EXPECT_EQ(file.scores[0].stderr_value, 0.25);
  EXPECT_EQ(file.scores[0].num_fewshot, 25);
  EXPECT_EQ(file.scores[0].documents, 40);
  EXPECT_EQ(file.scores[1].metric, "acc_norm");
  EXPECT_FALSE(file.scores[1].stderr_value.has_value());
}

TEST(ResultFileTest, SampleLengthsAreCountsOfDocumentsAndNoScores) {
  const ResultFile file = MustParse(
      "run/a.json", R"({"model_name": "m", "results": {"t": {"sample_len": 9, "acc,none": 0.5}}})");
  ASSERT_EQ(file.scores.size(), 1u);
  EXPECT_EQ(file.scores[0].metric, "acc");
  EXPECT_EQ(file.scores[0].documents, 9);
}

TEST(ResultFileTest, LeaderboardOf2023HasShotsInItsKeys) {
  const ResultFile file =
      MustParse("org/m/result_2023-11-14 22:13:20.json",
                R"({"config_general": {"model_name": "org/m", "model_sha": "abc",)"
                R"("model_dtype": "torch.float16"}, "results": {)"
                R"("harness|arc:challenge|25": {"acc": 0.5, "acc_stderr": 0.1},)"
                R"("harness|truthfulqa:mc|0": {"mc1": 0.25, "mc2": 0.75}, "all": {"acc": 0.6}}})");
  EXPECT_EQ(file.format, "leaderboard");
  EXPECT_EQ(file.precision, "float16");
  EXPECT_EQ(file.date.micros, 1'700'000'000'000'000);
  ASSERT_EQ(file.scores.size(), 4u);
  EXPECT_EQ(file.scores[0].task, "arc:challenge");
  EXPECT_EQ(file.scores[0].num_fewshot, 25);
  EXPECT_EQ(file.scores[2].metric, "mc2");
  EXPECT_EQ(file.scores[3].task, "all");
  EXPECT_FALSE(file.scores[3].num_fewshot.has_value());
}

TEST(ResultFileTest, ThePathNamesTheModelWhereTheTextDoesNot) {
  EXPECT_EQ(MustParse("a/org/m/results_20231114_221320.json", R"({"results": {}})").model, "org/m");
  EXPECT_EQ(MustParse("org/m/results_20231114_221320.json", R"({"results": {}})").model, "org/m");
}

TEST(ResultFileTest, OtherTextsAreRefusedWithTheRemedy) {
  EXPECT_NE(ParseResultFile("a/b/c.json", "{}").status().message().find("\"results\""),
            std::string::npos);
  EXPECT_NE(ParseResultFile("a/b/c.json", R"({"results": {}})").status().message().find("model"),
            std::string::npos);
  EXPECT_EQ(ParseResultFile("a.json", "[1]").status().code(), Code::kInvalidArgument);
  EXPECT_EQ(ParseResultFile("a.json", R"({"results": {}, "model_name": "a\nb"})").status().code(),
            Code::kInvalidArgument);
}

TEST(ResultFileTest, MoreScoresThanTheBoundAreRefused) {
  std::string tasks;
  for (int i = 0; i < 20'001; ++i) {
    tasks += (i == 0 ? "\"t" : ", \"t") + std::to_string(i) + "\": {\"acc\": 1}";
  }
  const auto file = ParseResultFile("a.json", R"({"model_name": "m", "results": {)" + tasks + "}}");
  EXPECT_NE(file.status().message().find("20000"), std::string::npos) << file.status().ToString();
}

TEST(ResultFileTest, FactsReadBack) {
  const ResultFile file =
      MustParse("results_20231114_221320.json",
                R"({"results": {"t": {"acc": 0.1, "acc_stderr": 0.2, "f1": 1}}, "model_name": "m",)"
                R"("config": {"num_fewshot": 5}})");
  const std::string json = ResultFactsJson(file);
  const auto back = ResultFromFactsJson(json);
  ASSERT_TRUE(back.ok()) << back.status().ToString();
  EXPECT_EQ(ResultFactsJson(*back), json);
  EXPECT_EQ(back->scores.size(), 2u);
  EXPECT_EQ(back->scores[1].value, 1.0);
  EXPECT_EQ(back->scores[1].num_fewshot, 5);
  EXPECT_EQ(ResultFromFactsJson("{}").status().code(), Code::kDataLoss);
}

// Every number of the 160 published files is a score or the error of one.
TEST(ResultFileTest, NothingIsLostOfPublishedFiles) {
  const auto data = TestData("results");
  if (!data.ok()) GTEST_SKIP() << data.status().message();
  const std::string& root = *data;
  const auto folder = ListBoardFolder(root);
  ASSERT_TRUE(folder.ok()) << folder.status().ToString();
  EXPECT_EQ(folder->skipped, std::vector<std::string>());
  std::map<std::string, int> formats;
  for (const std::string& path : folder->paths) {
    const std::string text = ReadFile(root + "/" + path).value();
    const ResultFile file = MustParse(path, text);
    ++formats[file.format];
    EXPECT_FALSE(file.model.empty()) << path;
    std::map<std::string, std::map<std::string, double>> read;
    for (const ImportedScore& score : file.scores) {
      const std::string filter = score.filter.empty() ? "" : "," + score.filter;
      read[score.task][score.metric + filter] = score.value;
      if (score.stderr_value) {
        read[score.task][score.metric + "_stderr" + filter] = *score.stderr_value;
      }
    }
    const Json json = *ParsePythonObject(text);
    for (const auto& [task, metrics] : json["results"].items()) {
      for (const auto& [name, value] : metrics.items()) {
        if (!value.is_number()) continue;
        ASSERT_TRUE(read[task].contains(name)) << path << " " << task << " " << name;
        EXPECT_EQ(read[task][name], value.get<double>()) << path << " " << task << " " << name;
      }
    }
  }
  EXPECT_EQ(formats, (std::map<std::string, int>{{"lm-eval", 154}, {"lm-eval-0.4", 6}}));
}

}  // namespace
}  // namespace koeval::board
