// Texts and files made to be slow or to crash: long runs, traps for merges, damaged models.
#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "common/base/base64.h"
#include "common/base/file.h"
#include "common/tokenizer/sentencepiece.h"
#include "tests/common/tokenizer/scratch_repository.h"
#include "tests/common/tokenizer/vectors.h"

namespace koeval::tokenizer {
namespace {

using testing::HasSubstr;

constexpr size_t kLongBytes = size_t{1} << 20;

std::string Repeated(std::string_view piece, size_t bytes = kLongBytes) {
  std::string out;
  out.reserve(bytes + piece.size());
  while (out.size() < bytes) out += piece;
  return out;
}

// A megabyte of one thing, and of one thing with something else at the end.
class LongRuns : public testing::TestWithParam<const char*> {};

TEST_P(LongRuns, AreEncodedAndDecoded) {
  const auto tokenizer = LoadTokenizer(GoldenPath(GetParam()), {});
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.status().ToString();
  for (const char* piece : {"a", " ", "\n", "0", "!", "가", "\u0301", "\u1112\u1161\u11ab", "😀",
                            "\u3000", "▁", "'", "<s>", "ab ", "\u0301\u0316"}) {
    for (const std::string& text : {Repeated(piece), Repeated(piece) + "x\n"}) {
      const auto ids = (*tokenizer)->Encode(text, true);
      ASSERT_TRUE(ids.ok()) << ids.status().ToString();
      EXPECT_FALSE(ids->empty());
      EXPECT_TRUE((*tokenizer)->Decode(*ids, false).ok());
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Goldens, LongRuns,
                         testing::Values("byte_bpe", "llama3_bpe", "sp_bpe", "unigram",
                                         "qwen_bpe"));

TEST(LongRuns, OfBytesComeBackTheSame) {
  const auto tokenizer = LoadTokenizer(GoldenPath("byte_bpe"), {});
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.status().ToString();
  for (const char* piece : {"a", " ", "가", "\u0301", "x y\n"}) {
    const std::string text = Repeated(piece);
    const auto ids = (*tokenizer)->Encode(text, false);
    ASSERT_TRUE(ids.ok()) << ids.status().ToString();
    const auto decoded = (*tokenizer)->Decode(*ids, false);
    ASSERT_TRUE(decoded.ok()) << decoded.status().ToString();
    EXPECT_TRUE(*decoded == text) << "a run of \"" << piece << "\"";
  }
}

// Merges that double: every pass over the word halves it, which a merge by scanning would make
// quadratic.
TEST(MergeTrap, OfDoublingMergesIsSolved) {
  constexpr int kLevels = 10;
  Json vocab = Json::object();
  Json merges = Json::array();
  for (int level = 0; level <= kLevels; ++level) {
    vocab[std::string(size_t{1} << level, 'a')] = level;
    if (level > 0) {
      const std::string half(size_t{1} << (level - 1), 'a');
      merges.push_back(Json::array({half, half}));
    }
  }
  Json model = Json::object();
  model["type"] = "BPE";
  model["vocab"] = vocab;
  model["merges"] = merges;
  ScratchRepository repository;
  repository.Write("tokenizer.json", TokenizerJson(CompactJson(model)));
  const auto tokenizer = repository.Load();
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.status().ToString();
  const auto ids = (*tokenizer)->Encode(std::string(kLongBytes, 'a'), false);
  ASSERT_TRUE(ids.ok()) << ids.status().ToString();
  EXPECT_EQ(*ids, std::vector<int32_t>(kLongBytes >> kLevels, kLevels));
}

// Marks in the wrong order, which canonical ordering by neighbours would sort in quadratic time.
TEST(Normalisation, SortsLongRunsOfMarks) {
  ScratchRepository repository;
  repository.Write("tokenizer.json",
                   TokenizerJson(R"({"type":"BPE","fuse_unk":false,"unk_token":"?","vocab":)"
                                 R"({"?":0,"a":1,"\u0301":2,"\u0316":3},"merges":[]})",
                                 "null", R"({"type":"NFD"})"));
  const auto tokenizer = repository.Load();
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.status().ToString();
  constexpr size_t kPairs = 200'000;
  const auto ids = (*tokenizer)->Encode("a" + Repeated("\u0301\u0316", kPairs * 4), false);
  ASSERT_TRUE(ids.ok()) << ids.status().ToString();
  std::vector<int32_t> wanted = {1};
  wanted.insert(wanted.end(), kPairs, 3);
  wanted.insert(wanted.end(), kPairs, 2);
  EXPECT_TRUE(*ids == wanted);
}

// A word as long as the settings allow and a token that almost fits at every character.
TEST(WordPieceTrap, IsSolved) {
  constexpr size_t kCharacters = 10'000;
  Json model =
      Json::parse(R"({"type":"WordPiece","unk_token":"?","continuing_subword_prefix":"#",)"
                  R"("max_input_chars_per_word":10000,"vocab":{"?":0,"a":1,"#a":2,"#b":3}})");
  model["vocab"]["#" + std::string(kCharacters, 'a')] = 4;
  ScratchRepository repository;
  repository.Write("tokenizer.json", TokenizerJson(CompactJson(model)));
  const auto tokenizer = repository.Load();
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.status().ToString();
  const auto ids = (*tokenizer)->Encode(std::string(kCharacters - 1, 'a') + "b", false);
  ASSERT_TRUE(ids.ok()) << ids.status().ToString();
  std::vector<int32_t> wanted(kCharacters, 2);
  wanted.front() = 1;
  wanted.back() = 3;
  EXPECT_EQ(*ids, wanted);
}

// A character map that puts 64 KiB in place of each letter.
TEST(CharacterMapBomb, IsStopped) {
  const std::string letter(size_t{64} << 10, 'x');
  const auto unit = [](uint32_t value) {
    std::string out;
    for (int i = 0; i < 4; ++i) out += static_cast<char>((value >> (8 * i)) & 0xff);
    return out;
  };
  // The root leads to unit 'a' ^ 1, whose leaf is beside it.
  constexpr uint32_t kRoot = 1, kAt = 'a' ^ kRoot;
  std::vector<uint32_t> units(256, 0);
  units[0] = kRoot << 10;
  units[kAt] = 'a' | (1U << 8) | (1U << 10);
  units[kAt ^ 1] = 1U << 31;  // the first replacement
  std::string bytes = unit(static_cast<uint32_t>(units.size() * 4));
  for (const uint32_t value : units) bytes += unit(value);
  Json normalizer = Json::object();
  normalizer["type"] = "Precompiled";
  normalizer["precompiled_charsmap"] = EncodeBase64(bytes + letter + '\0');
  ScratchRepository repository;
  repository.Write("tokenizer.json",
                   TokenizerJson(CharacterModel(), "null", CompactJson(normalizer)));
  const auto tokenizer = repository.Load();
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.status().ToString();
  const auto once = (*tokenizer)->Encode("a", false);
  ASSERT_TRUE(once.ok()) << once.status().ToString();
  EXPECT_EQ(once->size(), letter.size());
  const auto often = (*tokenizer)->Encode(std::string(5000, 'a'), false);
  EXPECT_EQ(often.status().code(), Code::kResourceExhausted) << often.status().ToString();
}

TEST(DeepJson, IsRefused) {
  ScratchRepository repository;
  repository.Write("tokenizer.json", R"({"model":)" + std::string(1'000'000, '['));
  const Status status = repository.Load().status();
  EXPECT_EQ(status.code(), Code::kInvalidArgument) << status.ToString();
}

TEST(LoneSurrogate, InTokenizerJsonIsRefused) {
  ScratchRepository repository;
  repository.Write("tokenizer.json",
                   std::string(R"({"model":{"type":"BPE","vocab":{"\ud800":0},"merges":[]}})"));
  const Status status = repository.Load().status();
  EXPECT_EQ(status.code(), Code::kInvalidArgument) << status.ToString();
  EXPECT_THAT(status.message(), HasSubstr("tokenizer.json"));
}

class DamagedSentencePiece : public testing::Test {
 protected:
  void SetUp() override {
    const auto bytes = ReadFile(GoldenPath("sp_model_bpe/tokenizer.model"));
    ASSERT_TRUE(bytes.ok()) << bytes.status().ToString();
    bytes_ = *bytes;
  }

  std::string bytes_;
};

TEST_F(DamagedSentencePiece, CutAnywhereNeverCrashes) {
  ASSERT_TRUE(ParseSentencePiece(bytes_, "m").ok());
  size_t refused = 0;
  for (size_t size = 0; size < bytes_.size(); ++size) {
    refused += ParseSentencePiece(std::string_view(bytes_).substr(0, size), "m").ok() ? 0 : 1;
  }
  EXPECT_GT(refused, bytes_.size() / 2);
}

TEST_F(DamagedSentencePiece, MutationsNeverCrash) {
  constexpr uint32_t kSeed = 11;
  SCOPED_TRACE(testing::Message() << "seed " << kSeed);
  std::mt19937 random(kSeed);
  for (int i = 0; i < 300; ++i) {
    std::string mutated = bytes_;
    for (int n = 0; n < 3; ++n) mutated[random() % mutated.size()] = static_cast<char>(random());
    ScratchRepository repository;
    repository.Write("tokenizer.model", mutated);
    const auto tokenizer = repository.Load(Generation::k5, "mistral");
    if (tokenizer.ok()) {
      EXPECT_TRUE((*tokenizer)->Encode("가 <x> a", true).ok());
    }
  }
}

TEST_F(DamagedSentencePiece, OtherFilesAreNamed) {
  ScratchRepository repository;
  repository.Write("tokenizer.model", std::string("IQ== 0\nIg== 1\n"));
  const Status status = repository.Load().status();
  EXPECT_EQ(status.code(), Code::kInvalidArgument) << status.ToString();
  EXPECT_THAT(status.message(), HasSubstr("tokenizer.model"));
}

TEST(OlderFiles, ThatAClassDoesNotReadAreRefusedWithTheRemedy) {
  ScratchRepository repository;
  repository.Write("vocab.json", std::string(R"({"a": 0, "b": 1, "ab": 2})"));
  repository.Write("merges.txt", std::string("#version: 0.2\na b\n"));
  const Status plain = repository.Load(Generation::k5, "").status();
  EXPECT_EQ(plain.code(), Code::kUnimplemented) << plain.ToString();
  EXPECT_THAT(plain.message(), HasSubstr("save_pretrained"));
  const auto gpt2 = repository.Load(Generation::k5, "gpt2");
  ASSERT_TRUE(gpt2.ok()) << gpt2.status().ToString();
  const auto ids = (*gpt2)->Encode("ab", false);
  ASSERT_TRUE(ids.ok()) << ids.status().ToString();
  EXPECT_EQ(*ids, std::vector<int32_t>{2});
}

TEST(OlderFiles, BadMergesNameTheLine) {
  ScratchRepository repository;
  repository.Write("vocab.json", std::string(R"({"a": 0, "b": 1, "ab": 2})"));
  repository.Write("merges.txt", std::string("#version: 0.2\na b\na b c\n"));
  const Status status = repository.Load(Generation::k5, "gpt2").status();
  EXPECT_EQ(status.code(), Code::kInvalidArgument) << status.ToString();
  EXPECT_THAT(status.message(), HasSubstr("merges.txt:3"));
}

}  // namespace
}  // namespace koeval::tokenizer
