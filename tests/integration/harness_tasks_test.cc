// Two public benchmarks from submission to score: KoBEST COPA and MMLU, five shots each, through
// the queue on two workers and through `koeval eval`, equal to the last byte.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>

#include "common/base/clock.h"
#include "common/base/file.h"
#include "tests/common/temp_folder.h"
#include "tests/integration/cluster.h"
#include "tests/integration/eval_files.h"

namespace koeval::integration {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kLimit = 4;     // documents of each task; all of them in the nightly mode
constexpr int64_t kShots = 5;     // as the suite below has it
constexpr size_t kSubjects = 20;  // of MMLU that are there
constexpr const char* kCopa = "kobest_copa";

std::optional<std::string> DataFolder() {
  const char* folder = std::getenv("KOEVAL_TEST_DATA");
  std::error_code error;
  if (folder == nullptr || !fs::is_directory(folder, error)) return std::nullopt;
  return folder;
}

// Names of the subjects whose test rows are there, sorted.
std::vector<std::string> Subjects(const std::string& data) {
  std::vector<std::string> subjects;
  for (const auto& entry : fs::directory_iterator(data + "/mmlu/test")) {
    const std::string name = entry.path().stem().string();
    subjects.push_back(name.substr(0, name.rfind("_test")));
  }
  std::sort(subjects.begin(), subjects.end());
  return subjects;
}

void WriteMmluTask(const std::string& folder, const std::string& data, const std::string& subject) {
  std::string words = subject;
  std::replace(words.begin(), words.end(), '_', ' ');
  std::ofstream(fmt::format("{}/mmlu_{}.yaml", folder, subject))
      << "include: " << Source("tests/integration/tasks/mmlu.yaml") << "\ntask: mmlu_" << subject
      << "\ndescription: \"The following are multiple choice questions (with answers) about "
      << words << ".\\n\\n\"\ndataset_path: csv\ndataset_kwargs:\n  dtype: str\n  data_files:\n"
      << fmt::format("    dev: {0}/mmlu/dev/{1}_dev.csv\n    test: {0}/mmlu/test/{1}_test.csv\n",
                     data, subject);
}

void WriteCopaTask(const std::string& folder, const std::string& data) {
  std::ofstream(fmt::format("{}/{}.yaml", folder, kCopa))
      << "include: " << Source("tests/integration/tasks/kobest_copa.yaml") << "\ntask: " << kCopa
      << "\ndataset_path: tsv\ndataset_kwargs:\n  skiprows: 1\n  column_names: [id, premise, "
         "question, alternative_1, alternative_2, label]\n  data_files:\n"
      << fmt::format(
             "    train: {0}/train.tsv\n    validation: {0}/dev.tsv\n    test: {0}/test.tsv\n",
             data + "/kobest/COPA");
}

// The suite and its tasks as files in `folder`; the path of the suite.
std::string WriteSuite(const std::string& folder, const std::string& data) {
  fs::create_directories(folder + "/tasks");
  WriteCopaTask(folder + "/tasks", data);
  std::vector<std::string> tasks;
  for (const std::string& subject : Subjects(data)) {
    WriteMmluTask(folder + "/tasks", data, subject);
    tasks.push_back("mmlu_" + subject);
  }
  const std::string path = folder + "/harness.yaml";
  std::ofstream(path) << fmt::format(
      "suite: harness\ntitle: Harness tasks\nversion: \"1\"\nprofile: lm-eval-0.4\ntasks_dir: "
      "tasks\nentries:\n  - name: KoBEST-COPA\n    task: {0}\n    num_fewshot: {1}\n    metric: "
      "acc\n"
      "  - name: MMLU\n    tasks: [{2}]\n    num_fewshot: {1}\n    metric: acc\n",
      kCopa, kShots, fmt::join(tasks, ", "));
  return path;
}

size_t CountOf(const std::string& text, const std::string& part) {
  size_t count = 0;
  for (size_t at = text.find(part); at != text.npos; at = text.find(part, at + part.size()))
    ++count;
  return count;
}

// The first prompt of a task has its five shots and the question.
void ExpectFiveShots(const std::string& task, const std::string& lines) {
  const auto line = ParseJson(std::string_view(lines).substr(0, lines.find('\n')));
  ASSERT_TRUE(line.ok()) << line.status().ToString();
  const std::string prompt = (*line)["arguments"]["gen_args_0"]["arg_0"].get<std::string>();
  if (task == kCopa) {
    EXPECT_EQ(CountOf(prompt, "\n\n"), kShots) << task;
    EXPECT_EQ(CountOf(prompt, "  왜냐하면") + CountOf(prompt, "  그래서"), kShots + 1) << task;
  } else {
    EXPECT_TRUE(prompt.starts_with("The following are multiple choice questions")) << task;
    EXPECT_EQ(CountOf(prompt, "\nAnswer:"), kShots + 1) << task;
  }
}

void PrintScores(const Json& results, double queue_seconds, double eval_seconds) {
  std::printf("queue with two workers %.1f s, eval %.1f s\n", queue_seconds, eval_seconds);
  for (const auto& [task, scores] : results["results"].items()) {
    if (!scores.contains("acc,none")) continue;
    std::printf("%-36s %6lld documents  acc %.4f\n", task.c_str(),
                static_cast<long long>(scores["sample_len"].get<int64_t>()),
                scores["acc,none"].get<double>());
  }
}

TEST(HarnessTasksTest, QueueOnTwoWorkersAndEvalWriteTheSameBytes) {
  const auto data = DataFolder();
  if (!data) GTEST_SKIP() << "needs real datasets; set KOEVAL_TEST_DATA to their folder";
  const TempFolder folder;
  const std::string suite = WriteSuite(folder.path(), *data);
  const std::string model = Source("tests/golden/models/llama");
  ASSERT_EQ(Subjects(*data).size(), kSubjects);

  Cluster cluster({.suites_dir = folder.path(),
                   .suite = "harness",
                   .lease_batches_max = 4,
                   .patience_ms = Nightly() ? 1'500'000 : 300'000});
  cluster.StartScheduler();
  cluster.StartWorker("node-a");
  cluster.StartWorker("node-b");
  cluster.WaitForWorkers(2);
  const std::vector<std::string> limit =
      Nightly() ? std::vector<std::string>{}
                : std::vector{std::string("--limit"), std::to_string(kLimit)};
  const MonoTime submitted = Clock::Real().Mono();
  std::vector<std::string> submit = {"submit", model, "--request-id", "harness"};
  submit.insert(submit.end(), limit.begin(), limit.end());
  cluster.Koeval(submit);
  ASSERT_EQ(cluster.WaitForEnd("harness"), "FINISHED") << cluster.Koeval({"status", "harness"});
  const MonoTime finished = Clock::Real().Mono();

  const std::string out = folder.path() + "/out";
  std::vector<std::string> eval = {"eval",      "--model", model,      "--suite", suite,
                                   "--threads", "1",       "--output", out,       "--log-samples"};
  eval.insert(eval.end(), limit.begin(), limit.end());
  cluster.Koeval(eval);
  const MonoTime evaluated = Clock::Real().Mono();

  const EvalFiles files = ReadEvalFiles(out);
  ASSERT_EQ(files.samples.size(), kSubjects + 1);
  for (const auto& [task, lines] : files.samples) {
    EXPECT_EQ(cluster.Samples("harness", task), lines) << task;
    ExpectFiveShots(task, lines);
  }
  const std::string path = folder.path() + "/queue.json";
  cluster.Koeval({"results", "harness", "--output", path});
  const auto text = ReadFile(path);
  ASSERT_TRUE(text.ok());
  const auto queue = ParseJson(*text);
  ASSERT_TRUE(queue.ok()) << queue.status().ToString();
  ExpectSameScores(*queue, files.results);
  PrintScores(*queue, static_cast<double>(finished - submitted) / 1e3,
              static_cast<double>(evaluated - finished) / 1e3);

  const Json workers = cluster.KoevalJson({"workers"});
  for (const Json& worker : workers["workers"]) {
    EXPECT_GT(worker["batches_done"].get<int64_t>(), 0) << worker["id"];
  }
}

}  // namespace
}  // namespace koeval::integration
