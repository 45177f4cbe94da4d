// Answers of batches as JSON: windows of rolling texts, generated texts, and what an engine must
// not do.
#include "worker/runner/batch_run.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/evaluation/answers.h"
#include "tests/worker/runner/fake_engine.h"

namespace koeval::runner {
namespace {

using evaluation::AnswerSheet;
using evaluation::PreparedTask;
using evaluation::RequestKind;
using testing::HasSubstr;

// Adds no BOS, so that a text can have no token at all.
class PlainTokenizer final : public ByteTokenizer {
 public:
  PlainTokenizer() : ByteTokenizer(std::nullopt) {}
  Result<std::vector<int32_t>> Encode(std::string_view text, bool) const override {
    return ByteTokenizer::Encode(text, false);
  }
};

class BatchRunTest : public testing::Test {
 protected:
  PreparedTask Task(RequestKind kind, const std::vector<std::string>& texts) {
    PreparedTask task;
    task.config.task = "t";
    task.request_kind = kind;
    for (const std::string& text : texts) {
      const bool prompt = kind == RequestKind::kGenerate;
      task.requests.push_back({0, 0, prompt ? text : "", prompt ? "" : text});
    }
    task.generation = {.until = {"\n"}, .max_tokens = 4};
    return task;
  }
  Result<PlannedWork> Plan(const PreparedTask& task) {
    return PlanPrepared(
        task, tokenizer,
        {.max_length = 8,
         .limits = {.micro_batch_tokens = 8, .batch_tokens = 8, .generate_tokens = 16},
         .keep_sequences = true});
  }
  // All results, in the order of the batches.
  Json RunAll(const TaskPlan& task, bool naive) {
    Json out = Json::array();
    for (const plan::Batch& batch : task.plan.batches) {
      const auto results = RunBatch(engine, task, batch, naive);
      EXPECT_TRUE(results.ok()) << results.status().ToString();
      if (!results.ok()) return out;
      EXPECT_EQ(results->at("task"), "t");
      for (const Json& result : results->at("results")) out.push_back(result);
    }
    return out;
  }
  static AnswerSheet Collect(const PreparedTask& task, const Json& results) {
    AnswerSheet sheet(task.request_kind, task.requests.size());
    for (const Json& result : results) {
      const auto placed = sheet.Place(result);
      EXPECT_TRUE(placed.ok()) << placed.status().ToString();
    }
    EXPECT_EQ(sheet.FirstMissing(), std::nullopt);
    return sheet;
  }

  PlainTokenizer tokenizer;
  FakeModel model;
  FakeEngine engine{model};
};

TEST_F(BatchRunTest, WindowsOfATextAreNumberedOverBatches) {
  const PreparedTask task =
      Task(RequestKind::kLoglikelihoodRolling, {"", "abcdefghijklmnopqrstuvwxyz", "xyz", ""});
  const auto work = Plan(task);
  ASSERT_TRUE(work.ok()) << work.status().ToString();
  EXPECT_EQ(work->facts.requests, 4);
  EXPECT_GT(work->facts.batches, 1);
  const Json results = RunAll(work->plan, /*naive=*/false);
  EXPECT_EQ(results.size(), 7U);  // 4 windows, 1 window, and two texts without any
  EXPECT_EQ(RunAll(work->plan, /*naive=*/true), results);
  const auto responses = Collect(task, results).Responses();
  EXPECT_EQ(responses[0].log_likelihood, 0);
  EXPECT_EQ(responses[3].log_likelihood, 0);
  EXPECT_NEAR(responses[2].log_likelihood, -0.1 * ('x' + 'y' + 'z' + 3), 1e-9);
  double all = 0;
  for (int c = 'a'; c <= 'z'; ++c) all -= 0.1 * (c + 1);
  EXPECT_NEAR(responses[1].log_likelihood, all, 1e-9);
}

TEST_F(BatchRunTest, TextsThatAreAllEmptyAreNamed) {
  const auto work = Plan(Task(RequestKind::kLoglikelihoodRolling, {"", ""}));
  EXPECT_THAT(work.status().message(), HasSubstr("EMPTY_CONTINUATION: none of the texts"));
}

TEST_F(BatchRunTest, TextsAreCutAtStopsAndAtTheLimit) {
  // Counting on from 8, 9 gives \t and \n; from "a" four letters.
  const PreparedTask task = Task(RequestKind::kGenerate, {"\x07", "a", "a", "x\x08", "ab"});
  const auto work = Plan(task);
  ASSERT_TRUE(work.ok()) << work.status().ToString();
  const Json results = RunAll(work->plan, /*naive=*/false);
  const auto responses = Collect(task, results).Responses();
  EXPECT_EQ(responses[0].text, "\x08\t");
  EXPECT_EQ(responses[1].text, "bcde");
  EXPECT_EQ(responses[2].text, "bcde");
  EXPECT_EQ(responses[3].text, "\t");
  EXPECT_EQ(responses[4].text, "cdef");
  const auto alone = Collect(task, RunAll(work->plan, /*naive=*/true)).Responses();
  for (size_t i = 0; i < responses.size(); ++i) EXPECT_EQ(alone[i].text, responses[i].text);
}

TEST_F(BatchRunTest, TextsOverTheBoundAreNamed) {
  PreparedTask task = Task(RequestKind::kGenerate, {"a"});
  task.generation.max_tokens = static_cast<int64_t>(kTextBytesMax) + 1;
  task.generation.until = {};
  const auto work = PlanPrepared(task, tokenizer, {.max_length = int64_t{1} << 40, .limits = {}});
  ASSERT_TRUE(work.ok()) << work.status().ToString();
  const auto results = RunBatch(engine, work->plan, work->plan.plan.batches[0], false);
  EXPECT_THAT(results.status().message(), HasSubstr("TASK_INVALID: the text for request 0"));
}

TEST_F(BatchRunTest, ModelsThatCannotGenerateAreNamedWhenTheyAreToGenerate) {
  const PlanRules rules{.max_length = 8,
                        .limits = {},
                        .generation_problem = "BAD_CHECKPOINT: generation_config.json: num_beams"};
  const auto generate = PlanPrepared(Task(RequestKind::kGenerate, {"a"}), tokenizer, rules);
  EXPECT_THAT(generate.status().message(), HasSubstr("generation_config.json: num_beams"));
  EXPECT_TRUE(PlanPrepared(Task(RequestKind::kLoglikelihoodRolling, {"a"}), tokenizer, rules).ok());
}

TEST_F(BatchRunTest, NumbersThatAreNotFiniteAreNamed) {
  const auto work = Plan(Task(RequestKind::kLoglikelihoodRolling, {"", "abc"}));
  ASSERT_TRUE(work.ok()) << work.status().ToString();
  model.log_likelihood_factor = std::numeric_limits<double>::quiet_NaN();
  const auto results = RunBatch(engine, work->plan, work->plan.plan.batches[0], false);
  EXPECT_EQ(results.status().code(), Code::kDataLoss);
  EXPECT_THAT(results.status().message(), HasSubstr("request 1 has"));
}

}  // namespace
}  // namespace koeval::runner
