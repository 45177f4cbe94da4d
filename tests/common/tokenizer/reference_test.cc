// Real tokenizers and the reference harness's vectors; needs the folder KOEVAL_TEST_DATA.
#include <fmt/core.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <sstream>

#include "common/base/file.h"
#include "tests/common/tokenizer/scratch_repository.h"
#include "tests/common/tokenizer/vectors.h"

namespace koeval::tokenizer {
namespace {

struct GoldenCase {
  std::string folder;
  std::string file;
  std::string declared;  // tokenizer_class, empty: as the folder says
  size_t count;          // least number of vectors
};

void PrintTo(const GoldenCase& c, std::ostream* out) {
  *out << c.folder << "/" << c.file;
}

class GoldenTokenizer : public testing::TestWithParam<GoldenCase> {};

TEST_P(GoldenTokenizer, AgreesWithTheReference) {
  const GoldenCase& c = GetParam();
  const std::string folder = TestData("../goldens/tokenizers/" + c.folder);
  if (folder.empty()) GTEST_SKIP() << "KOEVAL_TEST_DATA has no goldens beside it";
  const auto vectors = ReadVectors(folder + "/" + c.file);
  ASSERT_TRUE(vectors.ok()) << vectors.status().ToString();
  ASSERT_GE(vectors->size(), c.count);
  ScratchRepository repository;
  for (const char* name : {"tokenizer.json", "tokenizer_config.json"}) {
    const auto bytes = ReadFile(folder + "/" + name);
    ASSERT_TRUE(bytes.ok()) << bytes.status().ToString();
    auto json = ParseJson(*bytes);
    ASSERT_TRUE(json.ok());
    if (!c.declared.empty() && json->contains("tokenizer_class")) {
      (*json)["tokenizer_class"] = c.declared;
    }
    repository.Write(name, *json);
  }
  const auto tokenizer = repository.Load();
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.status().ToString();
  ExpectVectors(**tokenizer, *vectors, c.folder);
}

INSTANTIATE_TEST_SUITE_P(All, GoldenTokenizer,
                         testing::Values(GoldenCase{"byte_bpe", "vectors.jsonl", "", 273},
                                         GoldenCase{"llama3_bpe", "vectors.jsonl", "", 273},
                                         GoldenCase{"sp_bpe", "vectors.jsonl", "", 273},
                                         GoldenCase{"unigram", "vectors.jsonl", "", 273},
                                         GoldenCase{"qwen_bpe", "vectors.jsonl", "", 273},
                                         GoldenCase{"sp_bpe", "vectors_as_LlamaTokenizer.jsonl",
                                                    "LlamaTokenizer", 1},
                                         GoldenCase{"byte_bpe", "vectors_as_GPTNeoXTokenizer.jsonl",
                                                    "GPTNeoXTokenizer", 1}));

struct RealCase {
  std::string tokenizer;  // path below tokenizers/
  std::string vectors;    // ggml-vocab-NAME.gguf
};

void PrintTo(const RealCase& c, std::ostream* out) {
  *out << c.vectors;
}

class RealTokenizer : public testing::TestWithParam<RealCase> {};

TEST_P(RealTokenizer, GivesTheKnownIds) {
  const RealCase& c = GetParam();
  const std::string file = TestData("tokenizers/" + c.tokenizer);
  if (file.empty()) GTEST_SKIP() << "KOEVAL_TEST_DATA has no tokenizers";
  ScratchRepository repository;
  const auto json = ReadFile(file);
  ASSERT_TRUE(json.ok());
  repository.Write("tokenizer.json", *json);
  const auto tokenizer = repository.Load();
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.status().ToString();

  const std::string base = TestData("tokenizer-vectors") + "/ggml-vocab-" + c.vectors + ".gguf";
  const auto inputs = ReadFile(base + ".inp");
  const auto outputs = ReadFile(base + ".out");
  ASSERT_TRUE(inputs.ok() && outputs.ok());
  const std::string separator = "\n__ggml_vocab_test__\n";
  std::istringstream lines(*outputs);
  size_t count = 0;
  for (size_t at = 0; at <= inputs->size();) {
    const size_t end = std::min(inputs->find(separator, at), inputs->size());
    const std::string text = inputs->substr(at, end - at);
    at = end + separator.size();
    std::string line;
    std::getline(lines, line);  // the last string is empty and has no line
    std::istringstream numbers(line);
    std::vector<int32_t> wanted;
    for (int32_t id = 0; numbers >> id;) wanted.push_back(id);
    const auto ids = (*tokenizer)->Encode(text, false);
    ASSERT_TRUE(ids.ok()) << ids.status().ToString();
    EXPECT_EQ(*ids, wanted) << Json(text).dump();
    ++count;
  }
  EXPECT_EQ(count, 47U);
}

INSTANTIATE_TEST_SUITE_P(All, RealTokenizer,
                         testing::Values(RealCase{"gpt2/tokenizer.json", "gpt-2"},
                                         RealCase{"gpt-neox-20b/20B_tokenizer.json", "mpt"},
                                         RealCase{"phi-3/tokenizer.json", "phi-3"}));

class LoadableTokenizer : public testing::TestWithParam<std::string> {};

TEST_P(LoadableTokenizer, ReadsAndRoundTripsPlainText) {
  const std::string folder = TestData("tokenizers/" + GetParam());
  if (folder.empty()) GTEST_SKIP() << "KOEVAL_TEST_DATA has no tokenizers";
  const auto tokenizer = LoadTokenizer(folder, {Generation::k4, ""});
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.status().ToString();
  const std::string text = "The weather is good today.";
  const auto ids = (*tokenizer)->Encode(text, false);
  ASSERT_TRUE(ids.ok()) << ids.status().ToString();
  EXPECT_GT(ids->size(), 3U);
  const auto decoded = (*tokenizer)->Decode(*ids, true);
  ASSERT_TRUE(decoded.ok());
  EXPECT_EQ(*decoded, text);
}

INSTANTIATE_TEST_SUITE_P(All, LoadableTokenizer,
                         testing::Values("kogpt2", "roberta-base", "t5-small"));

}  // namespace
}  // namespace koeval::tokenizer
