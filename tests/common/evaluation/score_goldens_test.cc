// Scores against the reference harness's: the log-likelihoods of its goldens go in, the metrics and
// standard errors of its result files must come out. Needs KOEVAL_TEST_DATA.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <sstream>
#include <string>
#include <vector>

#include "common/base/file.h"
#include "common/evaluation/score.h"
#include "common/evaluation/statistics.h"

namespace koeval::evaluation {
namespace {

namespace fs = std::filesystem;

std::vector<Json> JsonLines(const fs::path& path) {
  const auto text = ReadFile(path.string());
  EXPECT_TRUE(text.ok()) << text.status().ToString();
  std::vector<Json> rows;
  std::istringstream lines(text.ok() ? *text : "");
  for (std::string line; std::getline(lines, line);) {
    if (!line.empty()) rows.push_back(*ParseJson(line));
  }
  return rows;
}

// The metrics that a golden file's task has, from the keys of its lines.
void SetMetrics(TaskConfig& config, const Json& row) {
  if (!row.contains("gold")) {
    config.output_type = OutputType::kLoglikelihood;
    config.metrics.push_back({"perplexity", "perplexity", false});
  }
  if (row.contains("labels")) config.process_results = "mc2";
  config.metrics.push_back({"acc", "mean", true});
  if (row.contains("acc_norm")) config.metrics.push_back({"acc_norm", "mean", true});
  if (config.task.starts_with("kobest")) config.metrics.push_back({"f1", "macro_f1", true});
}

// The document of one golden line, with its requests; `responses` receives what the model said.
void AddLine(PreparedTask& task, const Json& row, std::vector<Response>& responses) {
  Document document;
  document.doc_id = row["doc_id"];
  document.context = row["ctx"];
  document.first_request = static_cast<int32_t>(task.requests.size());
  document.request_count = static_cast<int32_t>(row["conts"].size());
  if (row.contains("labels")) document.doc["mc2_targets"]["labels"] = row["labels"];
  if (row.contains("gold")) document.gold = {row["gold"].get<int64_t>()};
  for (size_t i = 0; i < row["conts"].size(); ++i) {
    const std::string continuation = row["conts"][i];
    task.requests.push_back({static_cast<int32_t>(task.documents.size()), static_cast<int32_t>(i),
                             document.context, continuation});
    // Every choice task among the goldens has the delimiter " ".
    if (row.contains("gold")) document.choices.push_back(continuation.substr(1));
    responses.push_back({row["ll"][i], row["is_greedy"][i]});
  }
  task.documents.push_back(std::move(document));
}

// Metric values are compared to this share of their size: mc2 takes exp() of the C library, the
// harness numpy's own.
constexpr double kShare = 1e-12;

void ExpectMetrics(const TaskScore& score, const Json& wanted, const std::string& filter,
                   int& compared) {
  for (const MetricValue& metric : score.metrics) {
    const std::string key = metric.metric + filter;
    const std::string error_key = metric.metric + "_stderr" + filter;
    if (filter.empty() && metric.metric == "f1") continue;  // the old harness's tasks had none
    ASSERT_TRUE(wanted.contains(key)) << key;
    const double value = wanted[key];
    EXPECT_NEAR(metric.value, value, kShare * std::abs(value)) << key;
    if (wanted[error_key].is_string()) {
      EXPECT_EQ(wanted[error_key], "N/A");
      EXPECT_FALSE(metric.stderr_value) << error_key;
    } else {
      const double error = wanted[error_key];
      ASSERT_TRUE(metric.stderr_value) << error_key;
      EXPECT_NEAR(*metric.stderr_value, error, kShare * error) << error_key;
    }
    ++compared;
  }
}

void ExpectPerDocument(const TaskScore& score, const std::vector<Json>& rows) {
  for (size_t i = 0; i < rows.size(); ++i) {
    for (const auto& [metric, value] : score.per_document[i].metrics) {
      if (!rows[i].contains(metric) || metric == "f1") continue;
      const double wanted = rows[i][metric];
      EXPECT_NEAR(value.get<double>(), wanted, kShare * std::abs(wanted)) << metric << " of " << i;
    }
  }
}

class GoldenScoreTest : public testing::Test {
 protected:
  void SetUp() override {
    const char* data = std::getenv("KOEVAL_TEST_DATA");
    if (data == nullptr) GTEST_SKIP() << "KOEVAL_TEST_DATA is not set";
    root_ = fs::path(data) / ".." / "goldens";
    if (!fs::exists(root_)) GTEST_SKIP() << "no goldens beside KOEVAL_TEST_DATA";
  }

  // Compares every choice and cloze file below `folder`; returns how many metrics that were.
  int CompareAll(const fs::path& folder, Profile profile, const std::string& filter) {
    int compared = 0;
    for (const auto& model : fs::directory_iterator(folder)) {
      const Json results =
          *ParseJson(*ReadFile((model.path() / "results.json").string()))->find("tasks");
      for (const auto& file : fs::directory_iterator(model.path())) {
        if (file.path().extension() != ".jsonl") continue;
        const std::vector<Json> rows = JsonLines(file.path());
        if (rows.empty() || !rows[0].contains("conts")) continue;  // generation and rolling
        SCOPED_TRACE(file.path().string());
        PreparedTask task;
        const std::string name = file.path().stem().string();
        task.config.task = name.substr(0, name.rfind("__"));
        task.options.profile = profile;
        SetMetrics(task.config, rows[0]);
        std::vector<Response> responses;
        for (const Json& row : rows) AddLine(task, row, responses);
        const auto score = Score(task, responses);
        EXPECT_TRUE(score.ok()) << score.status().ToString();
        if (!score.ok()) continue;
        ExpectMetrics(*score, results[name], filter, compared);
        ExpectPerDocument(*score, rows);
      }
    }
    return compared;
  }

  fs::path root_;
};

TEST_F(GoldenScoreTest, MetricsAndErrorsAreTheHarnesses) {
  EXPECT_GE(CompareAll(root_ / "lm_eval", Profile::kLmEval04, ",none"), 100);
}

TEST_F(GoldenScoreTest, MetricsAndErrorsOfTheOldProfileAreTheHarnesses) {
  EXPECT_GE(CompareAll(root_ / "lm_eval_old", Profile::kLeaderboardV1, ""), 18);
}

// A published run lists subjects and their groups; the size of a subject follows from the accuracy
// and its error, since both are of 0s and 1s.
TEST_F(GoldenScoreTest, GroupsOfAPublishedRunPoolTheirSubjects) {
  const fs::path path = root_ / ".." / "data" / "results" / "evalverse-SOLAR" / "mmlu_5.json";
  const Json file = *ParseJson(*ReadFile(path.string()));
  const Json& results = file["results"];
  int groups = 0;
  for (const auto& [group, subjects] : file["group_subtasks"].items()) {
    if (group == "mmlu" || subjects.empty()) continue;
    std::vector<std::optional<double>> errors;
    std::vector<int64_t> sizes;
    double sum = 0;
    double total = 0;
    for (const Json& subject : subjects) {
      const Json& score = results[subject.get<std::string>()];
      const double acc = score["acc,none"];
      const double error = score["acc_stderr,none"];
      sizes.push_back(std::llround(acc * (1 - acc) / (error * error) + 1));
      errors.emplace_back(error);
      sum += acc * static_cast<double>(sizes.back());
      total += static_cast<double>(sizes.back());
    }
    EXPECT_NEAR(sum / total, results[group]["acc,none"].get<double>(), 1e-12) << group;
    EXPECT_NEAR(*PooledStderr(errors, sizes), results[group]["acc_stderr,none"].get<double>(),
                1e-12)
        << group;
    ++groups;
  }
  EXPECT_EQ(groups, 4);
}

// acc and acc_norm of 154 published runs over 0/1 metrics: the error follows from accuracy and size
// by MeanStderr, for the size that fits best.
TEST_F(GoldenScoreTest, ErrorsOfPublishedRunsFollowFromTheirAccuracy) {
  int checked = 0;
  for (const auto& file :
       fs::recursive_directory_iterator(root_ / ".." / "data" / "results" / "ko-lm-eval")) {
    if (file.path().extension() != ".json") continue;
    const auto text = ReadFile(file.path().string());
    ASSERT_TRUE(text.ok());
    const auto json = ParseJson(*text);
    if (!json.ok() || !json->contains("results")) continue;
    for (const auto& [task, metrics] : (*json)["results"].items()) {
      if (!metrics.contains("acc") || !metrics.contains("acc_stderr")) continue;
      const double acc = metrics["acc"];
      const double error = metrics["acc_stderr"];
      if (error == 0) continue;
      const int64_t size = std::llround(acc * (1 - acc) / (error * error) + 1);
      const int64_t right = std::llround(acc * static_cast<double>(size));
      if (size > 100'000) continue;
      std::vector<double> values(static_cast<size_t>(size), 0.0);
      std::fill_n(values.begin(), right, 1.0);
      EXPECT_NEAR(Mean(values), acc, 1e-12) << file.path() << " " << task;
      EXPECT_NEAR(*MeanStderr(values), error, 1e-9) << file.path() << " " << task;
      ++checked;
    }
  }
  EXPECT_GE(checked, 100);
}

}  // namespace
}  // namespace koeval::evaluation
