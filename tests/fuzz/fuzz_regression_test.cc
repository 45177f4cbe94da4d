// Replays every seed and every input that once failed through the entry functions of the fuzzers,
// without libFuzzer: in the sanitizer lane and in the release build.
#include <gtest/gtest.h>
#include <stdlib.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <string>
#include <vector>

#include "common/base/file.h"
#include "tests/fuzz/fuzz_targets.h"

namespace koeval::fuzz {
namespace {

namespace fs = std::filesystem;

struct Target {
  const char* name;  // of its folders
  void (*run)(std::string_view input);
};

constexpr Target kTargets[] = {
    {"chat_template", &FuzzChatTemplate},
    {"dataset", &FuzzDataset},
    {"json", &FuzzJson},
    {"model_config", &FuzzModelConfig},
    {"runner_frames", &FuzzRunnerFrames},
    {"safetensors", &FuzzSafetensors},
    {"sentencepiece", &FuzzSentencePiece},
    {"task", &FuzzTask},
    {"template", &FuzzTemplate},
    {"tokenizer", &FuzzTokenizer},
    {"vocab_merges", &FuzzVocabMerges},
};

fs::path FuzzFolder() {
  const char* source = getenv("KOEVAL_SOURCE_DIR");
  EXPECT_NE(source, nullptr);
  return fs::path(source == nullptr ? "." : source) / "tests" / "fuzz";
}

// Files of a folder in the order of their names; none when there is no such folder.
std::vector<std::string> FilesOf(const fs::path& folder) {
  std::vector<std::string> files;
  std::error_code absent;
  for (const auto& entry : fs::directory_iterator(folder, absent)) {
    if (entry.is_regular_file()) files.push_back(entry.path().string());
  }
  std::sort(files.begin(), files.end());
  return files;
}

void Replay(const Target& target, const std::vector<std::string>& files) {
  for (const std::string& file : files) {
    SCOPED_TRACE(file);  // an abort names no file: KOEVAL_FUZZ_TRACE=1 does
    if (getenv("KOEVAL_FUZZ_TRACE") != nullptr) std::fprintf(stderr, "%s\n", file.c_str());
    const auto input = ReadFile(file);
    ASSERT_TRUE(input.ok()) << input.status().ToString();
    target.run(*input);
  }
}

class FuzzReplay : public testing::TestWithParam<Target> {};

TEST_P(FuzzReplay, SeedsRunThrough) {
  const auto files = FilesOf(FuzzFolder() / "corpus" / GetParam().name);
  ASSERT_FALSE(files.empty()) << "no seeds for " << GetParam().name;
  Replay(GetParam(), files);
}

TEST_P(FuzzReplay, InputsThatOnceFailedRunThrough) {
  Replay(GetParam(), FilesOf(FuzzFolder() / "regressions" / GetParam().name));
}

INSTANTIATE_TEST_SUITE_P(Targets, FuzzReplay, testing::ValuesIn(kTargets),
                         [](const auto& target) { return std::string(target.param.name); });

TEST(FuzzFolders, EveryFolderBelongsToATarget) {
  for (const char* kind : {"corpus", "regressions"}) {
    for (const auto& entry : fs::directory_iterator(FuzzFolder() / kind)) {
      const std::string name = entry.path().filename().string();
      EXPECT_TRUE(std::any_of(std::begin(kTargets), std::end(kTargets), [&](const Target& target) {
        return name == target.name;
      })) << entry.path();
    }
  }
}

}  // namespace
}  // namespace koeval::fuzz
