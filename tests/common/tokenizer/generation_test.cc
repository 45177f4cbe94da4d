// The settings outside tokenizer.json, by generation: classes, special tokens, lengths, digests.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "tests/common/tokenizer/scratch_repository.h"
#include "tests/common/tokenizer/vectors.h"

namespace koeval::tokenizer {
namespace {

using testing::HasSubstr;

class Settings : public testing::Test {
 protected:
  void SetUp() override { repository_.Write("tokenizer.json", TokenizerJson(CharacterModel())); }

  std::unique_ptr<Tokenizer> Load(const std::string& config, Generation generation = Generation::k5,
                                  const std::string& model_type = "") {
    repository_.Write("tokenizer_config.json", config);
    auto loaded = repository_.Load(generation, model_type);
    EXPECT_TRUE(loaded.ok()) << loaded.status().ToString();
    return loaded.ok() ? std::move(loaded).value() : nullptr;
  }

  static std::vector<int32_t> Encode(const Tokenizer& tokenizer, const std::string& text,
                                     bool add_special_tokens = true) {
    const auto ids = tokenizer.Encode(text, add_special_tokens);
    EXPECT_TRUE(ids.ok()) << ids.status().ToString();
    return ids.ok() ? *ids : std::vector<int32_t>();
  }

  ScratchRepository repository_;
};

TEST_F(Settings, BosAndEosComeAsTextOrObject) {
  const auto tokenizer = Load(R"({"bos_token": "a", "eos_token": {"content": "b"}})");
  ASSERT_NE(tokenizer, nullptr);
  EXPECT_EQ(tokenizer->bos_id(), Encode(*tokenizer, "a").front());
  EXPECT_EQ(tokenizer->eos_id(), Encode(*tokenizer, "b").front());
}

TEST_F(Settings, AbsentAndNullTokensHaveNoId) {
  const auto tokenizer = Load(R"({"bos_token": null})");
  ASSERT_NE(tokenizer, nullptr);
  EXPECT_EQ(tokenizer->bos_id(), std::nullopt);
  EXPECT_EQ(tokenizer->eos_id(), std::nullopt);
}

TEST_F(Settings, SpecialTokensMapWinsUnlessTheDecoderIsThere) {
  repository_.Write("special_tokens_map.json", std::string(R"({"bos_token": "b"})"));
  const auto merged = Load(R"({"bos_token": "a"})");
  ASSERT_NE(merged, nullptr);
  EXPECT_EQ(merged->bos_id(), Encode(*merged, "b").front());
  const auto decided = Load(R"({"bos_token": "a", "added_tokens_decoder": {}})");
  ASSERT_NE(decided, nullptr);
  EXPECT_EQ(decided->bos_id(), Encode(*decided, "a").front());
}

TEST_F(Settings, NewTokensGetTheNextId) {
  const auto plain = Load("{}");
  const auto tokenizer = Load(R"({"eos_token": "<|end|>", "additional_special_tokens": ["<x>"]})");
  ASSERT_NE(plain, nullptr);
  ASSERT_NE(tokenizer, nullptr);
  EXPECT_EQ(tokenizer->eos_id(), plain->vocab_size());
  EXPECT_EQ(tokenizer->vocab_size(), plain->vocab_size() + 2);
  EXPECT_EQ(Encode(*tokenizer, "<x>").front(), plain->vocab_size() + 1);
}

TEST_F(Settings, ModelMaxLengthIsAbsentWhenItIsVeryLarge) {
  EXPECT_EQ(Load("{}")->model_max_length(), std::nullopt);
  EXPECT_EQ(Load(R"({"model_max_length": 1000000000000000019884624838656})")->model_max_length(),
            std::nullopt);
  EXPECT_EQ(Load(R"({"model_max_length": 2048})")->model_max_length(), 2048);
}

TEST_F(Settings, BosFlagCountsForLlamaTypesOfGeneration4Only) {
  const std::string config =
      R"({"tokenizer_class": "LlamaTokenizer", "bos_token": "b", "eos_token": "c",)"
      R"( "unk_token": "<unk>", "add_bos_token": true, "add_eos_token": true})";
  const auto four = Load(config, Generation::k4, "llama");
  ASSERT_NE(four, nullptr);
  const auto ids = Encode(*four, "a");
  EXPECT_EQ(ids.front(), four->bos_id());
  EXPECT_EQ(ids.back(), four->eos_id());
  EXPECT_EQ(Encode(*four, "a", false).size(), 1U);
  const auto five = Load(config, Generation::k5, "mistral");
  ASSERT_NE(five, nullptr);
  EXPECT_EQ(Encode(*five, "a").size(), 1U);
}

TEST_F(Settings, BosFlagWithoutBosIsRefusedInGeneration4) {
  repository_.Write("tokenizer_config.json",
                    std::string(R"({"tokenizer_class": "LlamaTokenizer", "bos_token": null})"));
  const Status status = repository_.Load(Generation::k4, "llama").status();
  EXPECT_EQ(status.code(), Code::kInvalidArgument);
  EXPECT_THAT(status.message(), HasSubstr("add_bos_token"));
}

TEST_F(Settings, LlamaClassPutsOneMetaspaceInFrontInGeneration5) {
  const std::string config = R"({"tokenizer_class": "LlamaTokenizer", "unk_token": "<unk>"})";
  const auto rebuilt = Load(config, Generation::k5, "llama");
  const auto as_it_is = Load(config, Generation::k5, "mixtral");
  ASSERT_NE(rebuilt, nullptr);
  ASSERT_NE(as_it_is, nullptr);
  EXPECT_EQ(Encode(*rebuilt, "a").size(), 2U);
  EXPECT_EQ(Encode(*rebuilt, " a").size(), 2U);
  EXPECT_EQ(Encode(*as_it_is, "a").size(), 1U);
}

TEST_F(Settings, ClassesThatRebuildInUnknownWaysAreNamed) {
  repository_.Write("tokenizer_config.json",
                    std::string(R"({"tokenizer_class": "XLNetTokenizerFast"})"));
  const Status status = repository_.Load().status();
  EXPECT_EQ(status.code(), Code::kUnimplemented);
  EXPECT_THAT(status.message(), HasSubstr("XLNetTokenizer"));
  EXPECT_THAT(status.message(), HasSubstr("PreTrainedTokenizerFast"));
  EXPECT_TRUE(repository_.Load(Generation::k4).ok());
}

TEST_F(Settings, ClassesThatPutTokensAroundNeedThem) {
  const auto status_of = [&](const std::string& config) {
    repository_.Write("tokenizer_config.json", config);
    return repository_.Load(Generation::k5, "roberta").status();
  };
  const Status status = status_of(R"({"tokenizer_class": "RobertaTokenizer", "sep_token": null})");
  EXPECT_EQ(status.code(), Code::kInvalidArgument);
  EXPECT_THAT(status.message(), HasSubstr("sep_token"));
  EXPECT_TRUE(status_of(R"({"tokenizer_class": "RobertaTokenizer", "mask_token": null})").ok());
}

TEST_F(Settings, ClassesThatTakeAnotherKindOfVocabularyAreRefusedWithTheRemedy) {
  for (const char* name : {"T5Tokenizer", "XGLMTokenizer"}) {
    repository_.Write("tokenizer_config.json",
                      std::string(R"({"tokenizer_class": ")") + name + "\"}");
    const Status status = repository_.Load(Generation::k5).status();
    EXPECT_EQ(status.code(), Code::kUnimplemented) << name;
    EXPECT_THAT(status.message(), HasSubstr("Unigram"));
    EXPECT_THAT(status.message(), HasSubstr("PreTrainedTokenizerFast"));
  }
}

TEST_F(Settings, InfillingPromptsOfCodeLlamaAreRefused) {
  const std::string config = R"({"tokenizer_class": "CodeLlamaTokenizer", "unk_token": "<unk>")";
  for (const Generation generation : {Generation::k4, Generation::k5}) {
    const auto tokenizer = Load(config + "}", generation, "code_llama");
    ASSERT_NE(tokenizer, nullptr);
    const Status status = tokenizer->Encode("a<FILL_ME>b", true).status();
    EXPECT_EQ(status.code(), Code::kUnimplemented);
    EXPECT_THAT(status.message(), HasSubstr("<FILL_ME>"));
    EXPECT_TRUE(tokenizer->Encode("a<FILL_M>b", true).ok());
    const auto without = Load(config + R"(, "fill_token": null})", generation, "code_llama");
    ASSERT_NE(without, nullptr);
    EXPECT_TRUE(without->Encode("a<FILL_ME>b", true).ok());
  }
}

TEST_F(Settings, TokensOfTheModelsOwnGetIdsInTheOrderOfTheFile) {
  const auto plain = Load("{}");
  const auto tokenizer = Load(R"({"z_token": "<|z|>", "a_token": "<|a|>"})");
  ASSERT_NE(plain, nullptr);
  ASSERT_NE(tokenizer, nullptr);
  EXPECT_EQ(Encode(*tokenizer, "<|z|>"), std::vector<int32_t>{plain->vocab_size()});
  EXPECT_EQ(Encode(*tokenizer, "<|a|>"), std::vector<int32_t>{plain->vocab_size() + 1});
}

TEST(T5, NumberOfExtraIdsMustAgreeWithTheList) {
  ScratchRepository repository;
  repository.Write("tokenizer.json",
                   TokenizerJson(R"({"type": "Unigram", "unk_id": 2, "vocab": )"
                                 R"([["<pad>", 0], ["</s>", 0], ["<unk>", 0]]})"));
  repository.Write("tokenizer_config.json",
                   std::string(R"({"tokenizer_class": "T5Tokenizer", "extra_ids": 3})"));
  const auto counted = repository.Load(Generation::k5, "t5");
  ASSERT_TRUE(counted.ok()) << counted.status().ToString();
  EXPECT_EQ((*counted)->vocab_size(), 6);
  repository.Write("special_tokens_map.json",
                   std::string(R"({"additional_special_tokens": ["<extra_id_0>"]})"));
  const Status status = repository.Load(Generation::k5, "t5").status();
  EXPECT_EQ(status.code(), Code::kInvalidArgument);
  EXPECT_THAT(status.message(), HasSubstr("extra_ids"));
}

TEST_F(Settings, DigestChangesWithEveryInput) {
  const std::string base = Load("{}")->digest();
  EXPECT_EQ(base.size(), 64U);
  EXPECT_EQ(Load("{}")->digest(), base);
  EXPECT_NE(Load(R"({"bos_token": "a"})")->digest(), base);
  EXPECT_NE(Load("{}", Generation::k4)->digest(), base);
  EXPECT_NE(Load("{}", Generation::k5, "llama")->digest(), base);
  repository_.Write("special_tokens_map.json", std::string("{}"));
  EXPECT_NE(Load("{}")->digest(), base);
}

TEST_F(Settings, SplitSpecialTokensLeavesThemToTheModel) {
  const auto tokenizer = Load(R"({"eos_token": "<|end|>", "split_special_tokens": true})");
  ASSERT_NE(tokenizer, nullptr);
  EXPECT_EQ(Encode(*tokenizer, "<|end|>").size(), 7U);
}

TEST(Threads, EncodeAlikeAndAtOnce) {
  const auto tokenizer = LoadTokenizer(GoldenPath("byte_bpe"), {});
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.status().ToString();
  std::vector<std::string> texts;
  for (int i = 0; i < 300; ++i) texts.push_back("문장 " + std::to_string(i % 50) + " the end");
  std::vector<std::vector<std::vector<int32_t>>> results(4);
  std::vector<std::thread> threads;
  for (auto& result : results) {
    threads.emplace_back([&] {
      for (const std::string& text : texts) {
        auto ids = (*tokenizer)->Encode(text, true);
        result.push_back(ids.ok() ? std::move(ids).value() : std::vector<int32_t>());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const auto& result : results) EXPECT_EQ(result, results.front());
  EXPECT_FALSE(results.front().front().empty());
}

}  // namespace
}  // namespace koeval::tokenizer
