// Tests of result files and sample logs. Expected hashes: hashlib over json.dumps of CPython.
#include "common/evaluation/result_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <charconv>
#include <filesystem>

#include "common/base/file.h"
#include "score_fixtures.h"
#include "tests/common/temp_folder.h"

namespace koeval::evaluation {
namespace {

using testing::ElementsAre;

struct ToyRun {
  PreparedTask task = ChoiceTask({"acc", "acc_norm"});
  std::vector<Response> responses = Responses({-1.25, -0.1, -3.5, -1e-7});
  TaskScore score;
};

ToyRun MakeRun(Profile profile = Profile::kLmEval04) {
  ToyRun run;
  run.task.options.profile = profile;
  run.task.num_fewshot = 2;
  run.task.config.version = "1.0";
  run.task.config.raw = Json{{"task", "toy"}, {"metadata", {{"version", 1.5}}}};
  AddDocument(run.task, {"a", "b"}, {1},
              Json{{"question", "가\n\"나\""}, {"n", 1}, {"x", {1.5, nullptr, true}}});
  AddDocument(run.task, {"a", "b"}, {0}, Json{{"question", "q"}});
  run.task.documents[0].context = run.task.requests[0].context = run.task.requests[1].context =
      "질문: 가\n답변:";
  run.responses[1].is_greedy = true;
  const auto score = Score(run.task, run.responses);
  EXPECT_TRUE(score.ok()) << score.status().ToString();
  run.score = *score;
  return run;
}

RunFacts MakeFacts() {
  RunFacts facts;
  facts.model_name = "org/model:x";
  facts.model_args = "pretrained=org/model:x,dtype=float32";
  facts.parameters = 1000;
  facts.dtype = "float32";
  facts.max_length = 512;
  facts.bos_token = TokenFact{"<s>", 0};
  facts.engine = "plan";
  facts.plan_digest = "abc";
  facts.versions = {{"koeval", "0.1.0"}};
  facts.started_at = {1'723'455'000'000'000};
  facts.finished_at = {1'723'455'002'500'000};
  return facts;
}

std::vector<std::string> Keys(const Json& object) {
  std::vector<std::string> keys;
  for (const auto& [key, value] : object.items()) keys.push_back(key);
  return keys;
}

TEST(SampleLogTest, LineHasTheHarnessesKeysTextsAndHashes) {
  const ToyRun run = MakeRun();
  const SampleLog log = MakeSampleLog(run.task, run.score, run.responses);
  ASSERT_EQ(log.lines.size(), 2U);
  EXPECT_EQ(
      log.lines[0],
      R"({"doc_id": 0, "doc": {"question": "가\n\"나\"", "n": 1, "x": [1.5, null, true]}, )"
      R"("target": "1", "arguments": {"gen_args_0": {"arg_0": "질문: 가\n답변:", "arg_1": " a"}, )"
      R"("gen_args_1": {"arg_0": "질문: 가\n답변:", "arg_1": " b"}}, )"
      R"("resps": [[["-1.25", "False"]], [["-0.1", "True"]]], )"
      R"("filtered_resps": [["-1.25", "False"], ["-0.1", "True"]], "filter": "none", )"
      R"("metrics": ["acc", "acc_norm"], )"
      R"("doc_hash": "e894fb6735c6306ce8677c514a52f324d47b047aee1b0a77e5add117cb846496", )"
      R"("prompt_hash": "9f03443181f0ea8f70be523f2ab81ec59c3fcae761e335ad49093e8841f1699b", )"
      R"("target_hash": "6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b", )"
      R"("acc": 1.0, "acc_norm": 1.0})");
  EXPECT_EQ(log.digest.size(), 64U);
}

TEST(SampleLogTest, LogLikelihoodsReadBackAsTheSameDouble) {
  ToyRun run = MakeRun();
  run.responses[2].log_likelihood = -0.1 - 0.2;
  const SampleLog log = MakeSampleLog(run.task, run.score, run.responses);
  const auto line = ParseJson(log.lines[1]);
  ASSERT_TRUE(line.ok());
  for (size_t k = 0; k < 2; ++k) {
    const std::string text = (*line)["resps"][k][0][0];
    double value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value);
    EXPECT_EQ(value, run.responses[2 + k].log_likelihood) << text;
  }
}

TEST(ResultsTest, KeysComeInTheHarnessesOrder) {
  const ToyRun run = MakeRun();
  const TaskRun tasks[] = {{&run.task, &run.score, 7, 3, "digest", "samples"}};
  const Json results = MakeResults(MakeFacts(), tasks, std::nullopt);
  EXPECT_THAT(
      Keys(results),
      ElementsAre("results", "group_subtasks", "configs", "versions", "n-shot", "higher_is_better",
                  "n-samples", "config", "git_hash", "date", "pretty_env_info",
                  "transformers_version", "lm_eval_version", "upper_git_hash",
                  "tokenizer_pad_token", "tokenizer_eos_token", "tokenizer_bos_token",
                  "eot_token_id", "max_length", "task_hashes", "model_source", "model_name",
                  "model_name_sanitized", "system_instruction", "system_instruction_sha",
                  "fewshot_as_multiturn", "chat_template", "chat_template_sha",
                  "total_evaluation_time_seconds", "koeval"));
  EXPECT_THAT(Keys(results["results"]["toy"]),
              ElementsAre("name", "alias", "sample_len", "acc,none", "acc_stderr,none",
                          "acc_norm,none", "acc_norm_stderr,none"));
  EXPECT_EQ(results["results"]["toy"]["acc,none"], 0.5);
  EXPECT_EQ(results["n-shot"]["toy"], 2);
  EXPECT_EQ(results["n-samples"]["toy"].dump(), R"({"original":7,"effective":2})");
  EXPECT_EQ(results["versions"]["toy"], 1.5);
  EXPECT_EQ(results["configs"]["toy"]["num_fewshot"], 2);
  EXPECT_EQ(results["tokenizer_bos_token"].dump(), R"(["<s>","0"])");
  EXPECT_EQ(results["tokenizer_pad_token"].dump(), R"([null,"None"])");
  EXPECT_EQ(results["total_evaluation_time_seconds"], "2.5");
  EXPECT_EQ(results["koeval"]["tasks"]["toy"]["truncated"], 3);
  EXPECT_EQ(results["koeval"]["plan_digest"], "abc");
}

TEST(ResultsTest, AbsentErrorIsNotAvailable) {
  ToyRun run = MakeRun();
  run.score.metrics[0].stderr_value.reset();
  const TaskRun tasks[] = {{&run.task, &run.score, 2, 0, "", ""}};
  const Json results = MakeResults(MakeFacts(), tasks, std::nullopt);
  EXPECT_EQ(results["results"]["toy"]["acc_stderr,none"], "N/A");
}

TEST(ResultsTest, OldProfileGivesTheOldSpellingToo) {
  const ToyRun run = MakeRun(Profile::kLeaderboardV1);
  const TaskRun tasks[] = {{&run.task, &run.score, 2, 0, "", ""}};
  RunFacts facts = MakeFacts();
  facts.profile = Profile::kLeaderboardV1;
  const Json task = MakeResults(facts, tasks, std::nullopt)["results"]["toy"];
  EXPECT_EQ(task["acc"], task["acc,none"]);
  EXPECT_EQ(task["acc_norm_stderr"], task["acc_norm_stderr,none"]);
  EXPECT_FALSE(MakeResults(MakeFacts(), tasks, std::nullopt)["results"]["toy"].contains("acc"));
}

TEST(ResultsTest, SuiteEntriesOfSeveralTasksAreGroups) {
  ToyRun first = MakeRun();
  ToyRun second = MakeRun();
  second.score.task = second.task.config.task = "toy2";
  Suite suite;
  suite.name = "s";
  suite.version = "1";
  suite.entries.push_back({"Single", {"toy"}, std::nullopt, "acc", false});
  suite.entries.push_back({"Both", {"toy", "toy2"}, std::nullopt, "acc_norm", false});
  const std::vector<TaskScore> scores = {first.score, second.score};
  const auto score = ScoreSuite(suite, scores);
  ASSERT_TRUE(score.ok());
  const TaskRun tasks[] = {{&first.task, &first.score, 2, 0, "", ""},
                           {&second.task, &second.score, 2, 0, "", ""}};
  const Json results = MakeResults(MakeFacts(), tasks, SuiteRun{&suite, &*score});
  EXPECT_THAT(Keys(results["results"]), ElementsAre("toy", "toy2", "Both"));
  EXPECT_THAT(Keys(results["groups"]), ElementsAre("Both"));
  EXPECT_EQ(results["groups"]["Both"]["sample_len"], 4);
  EXPECT_EQ(results["group_subtasks"].dump(), R"({"Both":["toy","toy2"]})");
  EXPECT_EQ(results["koeval"]["suite"]["average"], score->average);
  EXPECT_EQ(results["koeval"]["suite"]["entries"][1]["name"], "Both");
}

TEST(FileNameTest, ModelsAndTimesAreSpelledAsTheHarnessSpellsThem) {
  EXPECT_EQ(SanitizeModelName("org/model"), "org__model");
  EXPECT_EQ(SanitizeModelName("/a//b:\"c\"<d>|e\\f?*[g]"), "__a__b__c__d__e__f__g__");
  EXPECT_EQ(SanitizeModelName("가-나.1"), "가-나.1");
  EXPECT_EQ(FileStamp({1'723'455'000'123'456}), "2024-08-12T09-30-00.123456");
}

class WriteTest : public testing::Test {
 protected:
  const TempFolder temporary_;
  const std::string folder_ = temporary_.File("results");  // not there yet
};

TEST_F(WriteTest, FilesLieInTheModelsFolder) {
  const ToyRun run = MakeRun();
  const std::pair<std::string, SampleLog> logs[] = {
      {"toy", MakeSampleLog(run.task, run.score, run.responses)}};
  const TaskRun tasks[] = {{&run.task, &run.score, 2, 0, "", logs[0].second.digest}};
  const Json results = MakeResults(MakeFacts(), tasks, std::nullopt);
  const auto paths = WriteResultFiles(folder_, MakeFacts(), results, logs);
  ASSERT_TRUE(paths.ok()) << paths.status().ToString();
  EXPECT_EQ(paths->results, folder_ + "/org__model__x/results_2024-08-12T09-30-02.500000.json");
  ASSERT_THAT(paths->samples,
              ElementsAre(folder_ + "/org__model__x/samples_toy_2024-08-12T09-30-02.500000.jsonl"));
  const auto samples = ReadFile(paths->samples[0]);
  ASSERT_TRUE(samples.ok());
  EXPECT_EQ(*samples, logs[0].second.lines[0] + "\n" + logs[0].second.lines[1] + "\n");
  const auto text = ReadFile(paths->results);
  ASSERT_TRUE(text.ok());
  EXPECT_EQ(*ParseJson(*text), results);
  EXPECT_EQ(results["task_hashes"]["toy"], logs[0].second.digest);
}

TEST_F(WriteTest, FolderThatCannotBeMadeIsAnErrorWithItsPath) {
  ASSERT_TRUE(WriteFileAtomically(folder_, "a file").ok());
  const auto paths = WriteResultFiles(folder_, MakeFacts(), Json::object(), {});
  EXPECT_EQ(paths.status().code(), Code::kUnavailable);
  EXPECT_THAT(paths.status().message(), testing::HasSubstr(folder_));
}

}  // namespace
}  // namespace koeval::evaluation
