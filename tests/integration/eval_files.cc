// Reads the files of `koeval eval`, and compares results.
#include "tests/integration/eval_files.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "common/base/file.h"

namespace koeval::integration {

namespace fs = std::filesystem;

EvalFiles ReadEvalFiles(const std::string& folder) {
  EvalFiles files;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    if (!entry.is_regular_file()) continue;
    const auto text = ReadFile(entry.path().string(), size_t{1} << 30);
    EXPECT_TRUE(text.ok()) << text.status().ToString();
    if (!text.ok()) continue;
    if (name.starts_with("results_")) {
      auto json = ParseJson(*text);
      EXPECT_TRUE(json.ok()) << json.status().ToString();
      if (json.ok()) files.results = *std::move(json);
    } else if (name.starts_with("samples_")) {
      const std::string stem = name.substr(8, name.size() - 8);
      files.samples[stem.substr(0, stem.rfind('_'))] = *text;
    }
  }
  return files;
}

void ExpectSameScores(const Json& queue, const Json& eval) {
  ASSERT_TRUE(queue.contains("results") && eval.contains("results"));
  for (const char* key : {"results", "groups", "group_subtasks", "configs", "versions", "n-shot",
                          "higher_is_better", "n-samples", "task_hashes"}) {
    EXPECT_EQ(queue.value(key, Json()).dump(), eval.value(key, Json()).dump()) << key;
  }
  for (const char* key : {"profile", "hardware_class", "plan_digest", "tasks", "suite"}) {
    EXPECT_EQ(queue["koeval"][key].dump(), eval["koeval"][key].dump()) << key;
  }
}

}  // namespace koeval::integration
