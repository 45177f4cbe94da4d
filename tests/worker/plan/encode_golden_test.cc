// Encoding against the reference harness: lengths, truncation and the exact input ids of every
// request of its multiple-choice and cloze files, in both profiles.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <string>
#include <vector>

#include "common/base/file.h"
#include "common/base/json.h"
#include "common/tokenizer/tokenizer.h"
#include "worker/plan/encode.h"

namespace koeval::plan {
namespace {

namespace fs = std::filesystem;
using evaluation::Profile;

// CRC-32 (IEEE 802.3) of the ids as little-endian int32, as Python's zlib.crc32 gives it.
uint32_t Crc32(const std::vector<int32_t>& ids) {
  uint32_t crc = 0xffffffff;
  for (const int32_t id : ids) {
    for (int shift = 0; shift < 32; shift += 8) {
      crc ^= (static_cast<uint32_t>(id) >> shift) & 0xff;
      for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0xedb88320U : 0U);
    }
  }
  return ~crc;
}

struct Golden {
  Json line;
  std::vector<evaluation::Request> requests;
};

// The lines that hold contexts and continuations; none for generation and rolling files.
std::vector<Golden> ReadGoldens(const fs::path& path) {
  std::vector<Golden> out;
  std::ifstream file(path);
  for (std::string text; std::getline(file, text);) {
    auto line = ParseJson(text);
    EXPECT_TRUE(line.ok()) << path;
    const Json* conts = JsonFind(*line, "conts");
    if (conts == nullptr || JsonFind(*line, "input_crc") == nullptr) return {};
    Golden golden;
    for (const Json& cont : *conts) {
      golden.requests.push_back({.document = static_cast<int32_t>(out.size()),
                                 .choice = static_cast<int32_t>(golden.requests.size()),
                                 .context = line->at("ctx").get<std::string>(),
                                 .continuation = cont.get<std::string>()});
    }
    golden.line = std::move(line).value();
    out.push_back(std::move(golden));
  }
  return out;
}

struct Case {
  const char* folder;
  Profile profile;
  tokenizer::Generation generation;
};

class EncodeGoldens : public testing::TestWithParam<Case> {
 protected:
  void SetUp() override {
    const char* data = std::getenv("KOEVAL_TEST_DATA");
    if (data == nullptr) GTEST_SKIP() << "KOEVAL_TEST_DATA names no folder of test data";
    goldens = fs::path(data) / ".." / "goldens";
    if (!fs::is_directory(goldens)) GTEST_SKIP() << goldens << " is not there";
  }

  // Number of requests compared.
  int64_t CheckFile(const fs::path& path, const tokenizer::Tokenizer& tokenizer,
                    int64_t max_length) {
    int64_t compared = 0;
    for (const Golden& golden : ReadGoldens(path)) {
      const auto whole = EncodeRequests(tokenizer, golden.requests,
                                        {.profile = GetParam().profile, .max_length = 1 << 24});
      const auto cut = EncodeRequests(tokenizer, golden.requests,
                                      {.profile = GetParam().profile, .max_length = max_length});
      EXPECT_TRUE(whole.ok() && cut.ok()) << path << " " << cut.status().ToString();
      if (!whole.ok() || !cut.ok()) return compared;
      for (size_t i = 0; i < golden.requests.size(); ++i, ++compared) {
        const Sequence& full = whole->sequences[i];
        const Sequence& got = cut->sequences[i];
        const auto cont_len = full.targets.size();
        const bool truncated = got.input.size() < full.input.size();
        const bool equal = golden.line["ctx_len"][i] == full.input.size() + 1 - cont_len &&
                           golden.line["cont_len"][i] == cont_len &&
                           golden.line["truncated"][i] == truncated &&
                           golden.line["input_crc"][i] == Crc32(got.input);
        EXPECT_TRUE(equal) << path << " document " << golden.line["doc_id"] << " request " << i
                           << ": " << full.input.size() + 1 - cont_len << "+" << cont_len;
        if (!equal) return compared;
      }
    }
    return compared;
  }

  fs::path goldens;
};

TEST_P(EncodeGoldens, EveryRequestHasTheHarnesssIds) {
  constexpr std::array kFamilies = {"llama", "gpt_neox", "gpt2", "mistral", "qwen2"};
  int64_t compared = 0;
  int64_t models = 0;
  for (const auto& entry : fs::directory_iterator(goldens / GetParam().folder)) {
    const std::string model = entry.path().filename();
    const auto config = ReadFile(goldens / "models" / model / "config.json");
    ASSERT_TRUE(config.ok()) << model;
    const std::string type = ParseJson(*config)->at("model_type");
    if (std::find(kFamilies.begin(), kFamilies.end(), type) == kFamilies.end()) continue;
    const auto tokenizer = tokenizer::LoadTokenizer(
        goldens / "models" / model, {.generation = GetParam().generation, .model_type = type});
    ASSERT_TRUE(tokenizer.ok()) << model << ": " << tokenizer.status().ToString();
    const auto results = ReadFile(entry.path() / "results.json");
    ASSERT_TRUE(results.ok());
    const int64_t max_length = ParseJson(*results)->at("max_length");
    ++models;
    for (const auto& file : fs::directory_iterator(entry.path())) {
      if (file.path().extension() == ".jsonl") {
        compared += CheckFile(file.path(), **tokenizer, max_length);
      }
    }
  }
  std::cout << GetParam().folder << ": " << models << " models, " << compared << " requests\n";
  EXPECT_GE(models, 3);
  EXPECT_GT(compared, 500);
}

INSTANTIATE_TEST_SUITE_P(
    Profiles, EncodeGoldens,
    testing::Values(Case{"lm_eval", Profile::kLmEval04, tokenizer::Generation::k5},
                    Case{"lm_eval_old", Profile::kLeaderboardV1, tokenizer::Generation::k4}),
    [](const auto& test) { return std::string(test.param.folder); });

}  // namespace
}  // namespace koeval::plan
