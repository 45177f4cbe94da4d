// A registered Parquet dataset is evaluated as its rows in JSON lines are.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <vector>

#include "common/base/file.h"
#include "common/base/json.h"
#include "common/evaluation/parquet.h"
#include "tests/common/temp_folder.h"
#include "tests/integration/cluster.h"

namespace koeval::integration {
namespace {

namespace fs = std::filesystem;

constexpr int kRows = 24;

void Write(const std::string& path, const std::string& text) {
  fs::create_directories(fs::path(path).parent_path());
  std::ofstream(path, std::ios::binary) << text;
}

std::string Task(const std::string& kind) {
  return fmt::format(
      "task: choice_{0}\ndataset_path: acme/{0}\ntest_split: test\nfewshot_split: test\n"
      "num_fewshot: 1\noutput_type: multiple_choice\ndoc_to_text: \"{{{{question}}}}\\n답:\"\n"
      "doc_to_choice: \"{{{{choices}}}}\"\ndoc_to_target: \"{{{{label}}}}\"\n"
      "metric_list:\n  - metric: acc\n    aggregation: mean\n    higher_is_better: true\n"
      "metadata:\n  version: 1.0\n",
      kind);
}

// The sample lines of a task.
std::vector<Json> Lines(const std::string& samples) {
  std::vector<Json> out;
  for (size_t start = 0; start < samples.size();) {
    const size_t end = samples.find('\n', start);
    auto line = ParseJson(samples.substr(start, end - start));
    EXPECT_TRUE(line.ok()) << line.status().ToString();
    if (line.ok()) out.push_back(*std::move(line));
    start = end + 1;
  }
  return out;
}

TEST(ParquetDatasetTest, IsEvaluatedAsItsRowsInJsonLines) {
  if (evaluation::ReadParquetFile(Source("tests/golden/parquet/choice.parquet")).status().code() ==
      Code::kUnimplemented) {
    GTEST_SKIP() << "this build cannot read Parquet; deploy/setup.sh --parquet installs what it "
                    "needs";
  }
  const TempFolder inputs;
  std::string entries;
  for (const std::string kind : {"parquet", "jsonl"}) {
    Write(inputs.File("suites/tasks/" + kind + ".yaml"), Task(kind));
    entries += fmt::format("  - {{name: {0}, task: choice_{0}, metric: acc}}\n", kind);
    fs::create_directories(inputs.File(kind));
    fs::copy_file(Source("tests/golden/parquet/choice." + kind),
                  inputs.File(kind + "/test." + kind));
  }
  Write(inputs.File("suites/pair.yaml"),
        "suite: pair\ntitle: Pair\nversion: \"1\"\nprofile: lm-eval-0.4\ntasks_dir: tasks\n"
        "entries:\n" +
            entries);
  Cluster cluster({.suites_dir = inputs.File("suites"), .suite = "pair"});
  cluster.StartScheduler();
  cluster.Koeval({"datasets", "add", "acme/parquet", inputs.File("parquet")});
  cluster.Koeval({"datasets", "add", "acme/jsonl", inputs.File("jsonl")});
  cluster.StartWorker("node-a");
  cluster.Koeval({"submit", Source("configs/demo/model"), "--request-id", "r"});
  ASSERT_EQ(cluster.WaitForEnd("r"), "FINISHED");

  const auto parquet = Lines(cluster.Samples("r", "choice_parquet"));
  const auto jsonl = Lines(cluster.Samples("r", "choice_jsonl"));
  ASSERT_EQ(parquet.size(), static_cast<size_t>(kRows));
  EXPECT_EQ(parquet, jsonl);
  const std::string path = inputs.File("results.json");
  cluster.Koeval({"results", "r", "--output", path});
  const Json results = *ParseJson(ReadFile(path).value());
  EXPECT_EQ(results["results"]["choice_parquet"]["acc,none"],
            results["results"]["choice_jsonl"]["acc,none"]);
  const Json& tasks = results["koeval"]["tasks"];
  EXPECT_EQ(tasks["choice_parquet"]["dataset"]["name"], "acme/parquet");
  EXPECT_NE(tasks["choice_parquet"]["dataset"]["digest"],
            tasks["choice_jsonl"]["dataset"]["digest"]);
}

}  // namespace
}  // namespace koeval::integration
