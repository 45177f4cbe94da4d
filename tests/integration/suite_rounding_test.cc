// A suite that rounds log-probabilities as the model's class does, from submission to result: on a
// worker that is set to float32, and through `koeval eval`, the same.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "common/base/file.h"
#include "tests/common/temp_folder.h"
#include "tests/integration/cluster.h"
#include "tests/integration/eval_files.h"

namespace koeval::integration {
namespace {

constexpr const char* kTask = "demo_reasoning";

// A suite of one demo task in `folder`; its path.
std::string WriteSuite(const std::string& folder) {
  std::filesystem::create_directories(folder);
  const std::string path = folder + "/rounding.yaml";
  const std::string text = fmt::format(
      "# Rounds.\nsuite: rounding\nversion: \"1\"\nlogits_dtype: as_model\ntasks_dir: {}\n"
      "entries:\n  - {{name: Reasoning, task: {}, metric: acc}}\n",
      Source("configs/demo/tasks"), kTask);
  EXPECT_TRUE(WriteFileAtomically(path, text).ok());
  return path;
}

TEST(SuiteRoundingTest, ValidateReadsTheSuiteWithItsTasks) {
  const TempFolder folder;
  const std::string suite = WriteSuite(folder.path());
  Cluster client;  // nothing runs
  int status = 0;
  const std::string out = client.Koeval({"tasks", "validate", suite}, &status);
  EXPECT_EQ(status, 0) << out;
  EXPECT_NE(out.find("1 tasks: 1 ok"), std::string::npos) << out;
  const auto text = ReadFile(suite);
  ASSERT_TRUE(text.ok());
  std::string wrong = *text;
  wrong.replace(wrong.find("as_model"), 8, "bfloat16");
  ASSERT_TRUE(WriteFileAtomically(suite, wrong).ok());
  client.Koeval({"tasks", "validate", suite}, &status);
  EXPECT_NE(status, 0);
}

TEST(SuiteRoundingTest, TheSuiteDecidesOnEveryWorkerAndOnTheSpot) {
  const TempFolder folder;
  const std::string model = Source("configs/demo/model");
  const std::string suite = WriteSuite(folder.path() + "/suites");
  Cluster cluster({.suites_dir = folder.path() + "/suites", .suite = "rounding"});
  cluster.StartScheduler();
  cluster.StartWorker("node-a");
  cluster.WaitForWorkers(1);
  cluster.Koeval(
      {"submit", model, "--request-id", "run", "--precision", "bfloat16", "--limit", "8"});
  ASSERT_EQ(cluster.WaitForEnd("run"), "FINISHED") << cluster.Koeval({"status", "run"});

  const auto evaluate = [&](const std::string& name, const std::vector<std::string>& more) {
    const std::string out = folder.path() + "/" + name;
    std::vector<std::string> call = {
        "eval",    "--model", model,       "--suite", suite,      "--dtype", "bfloat16",
        "--limit", "8",       "--threads", "1",       "--output", out,       "--log-samples"};
    call.insert(call.end(), more.begin(), more.end());
    cluster.Koeval(call);
    return ReadEvalFiles(out);
  };
  const EvalFiles rounded = evaluate("rounded", {});
  const EvalFiles wide = evaluate("wide", {"--logits-dtype", "float32"});
  EXPECT_EQ(cluster.Samples("run", kTask), rounded.samples.at(kTask));
  EXPECT_NE(rounded.samples.at(kTask), wide.samples.at(kTask));
  EXPECT_EQ(rounded.results["koeval"]["logits_dtype"], "as_model");
  EXPECT_EQ(wide.results["koeval"]["logits_dtype"], "float32");

  const std::string path = folder.path() + "/queue.json";
  cluster.Koeval({"results", "run", "--output", path});
  const auto text = ReadFile(path);
  ASSERT_TRUE(text.ok()) << text.status().ToString();
  const auto queue = ParseJson(*text);
  ASSERT_TRUE(queue.ok()) << queue.status().ToString();
  EXPECT_EQ((*queue)["koeval"]["logits_dtype"], "as_model");
}

}  // namespace
}  // namespace koeval::integration
