// Scores against the reference harness's: the log-likelihoods of its goldens go in, the metrics and
// standard errors of its result files must come out. Needs KOEVAL_TEST_DATA.
#include <gtest/gtest.h>

#include <filesystem>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "common/base/file.h"
#include "common/evaluation/score.h"
#include "common/evaluation/task_config.h"
#include "tests/common/test_data.h"

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

// A prepared task with one request for each document, and what a model said.
struct GoldenTask {
  PreparedTask task;
  std::vector<Response> responses;

  // `texts`: context and continuation.
  void Add(Document document, std::pair<std::string, std::string> texts, Response response) {
    document.first_request = static_cast<int32_t>(task.requests.size());
    document.request_count = 1;
    task.requests.push_back({document.first_request, 0, texts.first, texts.second});
    task.documents.push_back(std::move(document));
    responses.push_back(std::move(response));
  }
};

class GoldenScoreTest : public testing::Test {
 protected:
  void SetUp() override {
    const auto data = TestData("../goldens");
    if (!data.ok()) GTEST_SKIP() << data.status().message();
    root_ = *data;
  }

  // The definition of a golden task, without its rows.
  TaskConfig ConfigOf(const std::string& name) {
    DefinitionReader reader;
    auto definition = reader.Read((root_ / "tasks" / (name + ".yaml")).string());
    EXPECT_TRUE(definition.ok()) << definition.status().ToString();
    const auto config = ReadTaskConfig(*definition);
    EXPECT_TRUE(config.ok()) << config.status().ToString();
    return config.ok() ? *config : TaskConfig();
  }

  // A golden file of generated texts; `name` has the number of shots behind "__".
  GoldenTask GeneratedTask(const std::string& name, const std::vector<Json>& rows) {
    GoldenTask out;
    out.task.config = ConfigOf(name.substr(0, name.rfind("__")));
    for (const Json& row : rows) {
      Document document;
      document.doc_id = row["doc_id"];
      document.target = document.answer = row["target"];
      Response response;
      response.text = row["output"];
      out.Add(std::move(document), {row["ctx"], ""}, std::move(response));
    }
    return out;
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

// What a model generated goes through the filters and metrics of the golden task's own file.
TEST_F(GoldenScoreTest, GeneratedTextsAreFilteredAndComparedAsTheHarnessDoes) {
  int compared = 0;
  for (const char* model : {"gpt_neox", "llama", "qwen2"}) {
    const fs::path folder = root_ / "lm_eval" / model;
    const Json results = *ParseJson(*ReadFile((folder / "results.json").string()))->find("tasks");
    for (const char* name : {"gsm8k__2", "gen_stop__0", "gen_echo__0"}) {
      SCOPED_TRACE(std::string(model) + " " + name);
      const std::vector<Json> rows = JsonLines(folder / (std::string(name) + ".jsonl"));
      const GoldenTask golden = GeneratedTask(name, rows);
      const auto score = Score(golden.task, golden.responses);
      ASSERT_TRUE(score.ok()) << score.status().ToString();
      for (const DocumentScore& scored : score->per_document) {
        const Json& row = rows[static_cast<size_t>(scored.document)];
        EXPECT_EQ(scored.filtered, row["filtered"][scored.filter]);
        EXPECT_EQ(scored.metrics[0].second, row["exact_match"][scored.filter]);
        ++compared;
      }
      for (const MetricValue& metric : score->metrics) {
        EXPECT_EQ(metric.value, results[name]["exact_match," + metric.filter].get<double>());
        const double error = results[name]["exact_match_stderr," + metric.filter];
        EXPECT_NEAR(*metric.stderr_value, error, kShare * error);
      }
      EXPECT_EQ(rows[0]["max_gen_toks"], golden.task.config.generation_kwargs["max_gen_toks"]);
    }
  }
  EXPECT_EQ(compared, 3 * (3 * 30 + 20 + 26));
}

TEST_F(GoldenScoreTest, RollingLikelihoodsAddUpToTheHarnessesPerplexities) {
  for (const char* model : {"gpt_neox", "llama", "qwen2"}) {
    SCOPED_TRACE(model);
    const fs::path folder = root_ / "lm_eval" / model;
    const Json results = *ParseJson(*ReadFile((folder / "results.json").string()))->find("tasks");
    GoldenTask golden;
    golden.task.config = ConfigOf("rolling");
    for (const Json& row : JsonLines(folder / "rolling__0.jsonl")) {
      Document document;
      document.target = row["text"];
      golden.Add(std::move(document), {"", row["text"]}, {row["ll"][0], false});
    }
    const auto score = Score(golden.task, golden.responses);
    ASSERT_TRUE(score.ok()) << score.status().ToString();
    int compared = 0;
    ExpectMetrics(*score, results["rolling__0"], ",none", compared);
    EXPECT_EQ(compared, 3);
  }
}

}  // namespace
}  // namespace koeval::evaluation
