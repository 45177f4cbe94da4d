// Damaged, hostile and unsupported files, and bad arguments: a clear Status, never a crash.
#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <functional>
#include <random>

#include "common/base/file.h"
#include "tests/common/tokenizer/scratch_repository.h"
#include "tests/common/tokenizer/vectors.h"

namespace koeval::tokenizer {
namespace {

using testing::HasSubstr;

Status LoadStatus(const ScratchRepository& repository) {
  return repository.Load().status();
}

Status LoadStatus(const Json& tokenizer_json) {
  ScratchRepository repository;
  repository.Write("tokenizer.json", tokenizer_json);
  return LoadStatus(repository);
}

void ExpectRefused(const Json& tokenizer_json, const std::string& place) {
  const Status status = LoadStatus(tokenizer_json);
  EXPECT_EQ(status.code(), Code::kInvalidArgument) << place << ": " << status.ToString();
  EXPECT_THAT(status.message(), HasSubstr("tokenizer.json"));
  EXPECT_THAT(status.message(), HasSubstr(place));
}

TEST(LoadErrors, NoTokenizerIsNotFound) {
  const ScratchRepository empty;
  EXPECT_EQ(LoadStatus(empty).code(), Code::kNotFound);
  EXPECT_EQ(LoadTokenizer("/nowhere/at/all", {}).status().code(), Code::kNotFound);
}

TEST(LoadErrors, OtherFilesAloneAreUnimplementedWithRemedy) {
  ScratchRepository repository;
  repository.Write("tekken.json", std::string("{}"));
  const Status status = LoadStatus(repository);
  EXPECT_EQ(status.code(), Code::kUnimplemented);
  EXPECT_THAT(status.message(), HasSubstr("save_pretrained"));
}

TEST(LoadErrors, DamagedJsonNamesFileAndByte) {
  ScratchRepository repository;
  repository.Write("tokenizer.json", std::string("{\"model\": "));
  Status status = LoadStatus(repository);
  EXPECT_EQ(status.code(), Code::kInvalidArgument);
  EXPECT_THAT(status.message(), HasSubstr("tokenizer.json"));
  EXPECT_THAT(status.message(), HasSubstr("byte"));

  repository.Write("tokenizer.json", TokenizerJson(CharacterModel()));
  repository.Write("tokenizer_config.json", std::string("[1]"));
  status = LoadStatus(repository);
  EXPECT_EQ(status.code(), Code::kInvalidArgument);
  EXPECT_THAT(status.message(), HasSubstr("tokenizer_config.json"));
}

TEST(LoadErrors, DeepNestingIsBounded) {
  std::string component = R"({"type":"NFC"})";
  for (int i = 0; i < 60; ++i) {
    component = R"({"type":"Sequence","normalizers":[)" + component + "]}";
  }
  ExpectRefused(TokenizerJson(CharacterModel(), "null", component), "nested");
}

TEST(LoadErrors, UnknownComponentsAreNamed) {
  const std::string unknown = R"({"type":"FromTheFuture"})";
  const std::string model = CharacterModel();
  for (const Json& json :
       {TokenizerJson(model, unknown), TokenizerJson(model, "null", unknown),
        TokenizerJson(model, "null", "null", unknown),
        TokenizerJson(model, "null", "null", "null", unknown), TokenizerJson(unknown)}) {
    const Status status = LoadStatus(json);
    EXPECT_EQ(status.code(), Code::kUnimplemented) << status.ToString();
    EXPECT_THAT(status.message(), HasSubstr("FromTheFuture"));
  }
}

TEST(LoadErrors, BadModelsNameTheField) {
  ExpectRefused(TokenizerJson("null"), "model");
  ExpectRefused(TokenizerJson(R"({"type":"BPE","vocab":{"a":0}})"), "merges");
  ExpectRefused(TokenizerJson(R"({"type":"BPE","vocab":[],"merges":[]})"), "vocab");
  ExpectRefused(TokenizerJson(R"({"type":"BPE","vocab":{"a":"x"},"merges":[]})"), "vocab");
  ExpectRefused(TokenizerJson(R"({"type":"BPE","vocab":{"a":-1},"merges":[]})"), "vocab");
  ExpectRefused(TokenizerJson(R"({"type":"BPE","vocab":{"a":99999999999},"merges":[]})"), "vocab");
  ExpectRefused(TokenizerJson(R"({"type":"BPE","vocab":{"a":18446744073709551615},"merges":[]})"),
                "vocab");
  ExpectRefused(TokenizerJson(R"({"type":"BPE","vocab":{"a":1.5},"merges":[]})"), "vocab");
  ExpectRefused(TokenizerJson(R"({"type":"BPE","vocab":{"a":0,"b":0},"merges":[]})"), "two tokens");
  ExpectRefused(TokenizerJson(R"({"type":"BPE","vocab":{"a":0},"merges":["a b"]})"), "merges[0]");
  ExpectRefused(TokenizerJson(R"({"type":"BPE","vocab":{"a":0,"b":1},"merges":["a b"]})"), "ab");
  ExpectRefused(TokenizerJson(R"({"type":"BPE","vocab":{"a":0},"merges":["a"]})"), "merge");
  ExpectRefused(TokenizerJson(R"({"type":"BPE","vocab":{"a":0},"merges":["a a a"]})"), "merge");
  ExpectRefused(TokenizerJson(R"({"type":"BPE","vocab":{"a":0},"merges":[["a"]]})"), "merge");
  ExpectRefused(TokenizerJson(R"({"type":"BPE","vocab":{"a":0},"merges":[7]})"), "merge");
  ExpectRefused(TokenizerJson(R"({"type":"BPE","vocab":{"a":0},"merges":[],"unk_token":"u"})"),
                "unk_token");
  ExpectRefused(TokenizerJson(R"({"type":"BPE","vocab":{"a":0},"merges":[],"fuse_unk":1})"),
                "fuse_unk");
  ExpectRefused(TokenizerJson(R"({"type":"Unigram","vocab":[],"unk_id":null})"), "vocab");
  ExpectRefused(TokenizerJson(R"({"type":"Unigram","vocab":[["a",0]],"unk_id":5})"), "unk_id");
  ExpectRefused(TokenizerJson(R"({"type":"Unigram","vocab":[["a","b"]],"unk_id":0})"), "vocab[0]");
  ExpectRefused(TokenizerJson(R"({"type":"WordLevel","vocab":{"a":0}})"), "unk_token");
  EXPECT_EQ(LoadStatus(TokenizerJson(R"({"type":"BPE","vocab":{"a":0},"merges":[],"dropout":0.1})"))
                .code(),
            Code::kUnimplemented);
}

TEST(LoadErrors, BadComponentsNameTheField) {
  const std::string model = CharacterModel();
  const auto pre = [&](const std::string& component, const std::string& place) {
    ExpectRefused(TokenizerJson(model, component), place);
  };
  pre(R"({"type":"Split","pattern":{"Regex":"(a"},"behavior":"Isolated","invert":false})",
      "does not compile");
  pre(R"({"type":"Split","pattern":"a","behavior":"Isolated","invert":false})", "pattern");
  pre(R"({"type":"Split","pattern":{"String":"a"},"behavior":"Odd","invert":false})", "behavior");
  pre(R"({"type":"Split","pattern":{"String":"a"},"behavior":"Isolated"})", "invert");
  pre(R"({"type":"ByteLevel"})", "add_prefix_space");
  pre(R"({"type":"Metaspace","replacement":"ab"})", "replacement");
  pre(R"({"type":"Metaspace","replacement":"a","prepend_scheme":"odd"})", "prepend_scheme");
  pre(R"({"type":"Metaspace","replacement":"a","prepend_scheme":"first","add_prefix_space":false})",
      "add_prefix_space");
  pre(R"({"type":"Sequence","pretokenizers":{}})", "pretokenizers");
  pre(R"({"type":"Sequence","pretokenizers":[3]})", "pretokenizers[0]");
  pre(R"({})", "type");
  pre("7", "pre_tokenizer");
  ExpectRefused(
      TokenizerJson(model, "null", R"({"type":"Precompiled","precompiled_charsmap":"A"})"),
      "precompiled_charsmap");
  ExpectRefused(
      TokenizerJson(model, "null", R"({"type":"Precompiled","precompiled_charsmap":"////fw=="})"),
      "precompiled_charsmap");
  ExpectRefused(
      TokenizerJson(model, "null", "null", R"({"type":"Strip","content":" ","start":-1,"stop":0})"),
      "start");
}

TEST(LoadErrors, PostProcessorIdsMustBeInTheVocabulary) {
  const auto post = [](const std::string& component) {
    return TokenizerJson(CharacterModel(), "null", "null", "null", component);
  };
  ExpectRefused(post(R"({"type":"BertProcessing","sep":["a",100000],"cls":["b",1]})"),
                "outside the vocabulary");
  ExpectRefused(post(R"({"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"s"}},)"
                     R"({"Sequence":{"id":"A"}}],"special_tokens":{}})"),
                "special_tokens");
  ExpectRefused(post(R"({"type":"TemplateProcessing","single":[],"special_tokens":{}})"), "single");
  ExpectRefused(post(R"({"type":"TemplateProcessing","single":"$A","special_tokens":{}})"),
                "single");
}

TEST(LoadErrors, AddedTokensAreChecked) {
  const auto added = [](const std::string& list, const std::string& normalizer = "null") {
    return TokenizerJson(CharacterModel(), "null", normalizer, "null", "null", list);
  };
  ExpectRefused(added(R"([{"id":0}])"), "content");
  ExpectRefused(added(R"([{"content":"a"}])"), "id");
  ExpectRefused(added(R"([{"id":-1,"content":"a"}])"), "id");
  ExpectRefused(added(R"([{"id":0,"content":"a","lstrip":"yes"}])"), "lstrip");
  ExpectRefused(added(R"({"a":1})"), "added_tokens");
  ExpectRefused(added(fmt::format(R"([{{"id":0,"content":"{}"}}])", std::string(5000, 'x'))),
                "content");
  ExpectRefused(added(R"([{"id":0,"content":"x","normalized":true}])",
                      R"({"type":"Replace","pattern":{"String":"x"},"content":""})"),
                "normalized");
}

TEST(LoadErrors, HugeNumbersAreRefused) {
  ExpectRefused(TokenizerJson(R"({"type":"Unigram","vocab":[["a",0]],"unk_id":1e300})"), "unk_id");
  ExpectRefused(TokenizerJson(R"({"type":"WordPiece","unk_token":"a","vocab":{"a":0},)"
                              R"("continuing_subword_prefix":"","max_input_chars_per_word":1e18})"),
                "max_input_chars_per_word");
  ExpectRefused(TokenizerJson(CharacterModel(), "null", "null", "null", "null",
                              R"([{"id":1e18,"content":"x"}])"),
                "id");
  ScratchRepository repository;
  repository.Write("tokenizer.json",
                   std::string(R"({"model":{"type":"Unigram","vocab":[["a",1e999]]}})"));
  const Status status = LoadStatus(repository);
  EXPECT_EQ(status.code(), Code::kInvalidArgument) << status.ToString();
  EXPECT_THAT(status.message(), HasSubstr("tokenizer.json"));
}

TEST(LoadErrors, SettingsAreChecked) {
  const auto with_config = [](const std::string& config) {
    ScratchRepository repository;
    repository.Write("tokenizer.json", TokenizerJson(CharacterModel()));
    repository.Write("tokenizer_config.json", config);
    const Status status = LoadStatus(repository);
    EXPECT_EQ(status.code(), Code::kInvalidArgument) << config << status.ToString();
    EXPECT_THAT(status.message(), HasSubstr("tokenizer_config.json"));
  };
  with_config(R"({"bos_token": 5})");
  with_config(R"({"bos_token": {"lstrip": true}})");
  with_config(R"({"model_max_length": "long"})");
  with_config(R"({"model_max_length": -3})");
  with_config(R"({"tokenizer_class": 1})");
  with_config(R"({"added_tokens_decoder": {"x": {"content": "a"}}})");
  with_config(R"({"added_tokens_decoder": {"99999999999": {"content": "a"}}})");
  with_config(R"({"added_tokens_decoder": []})");
  with_config(R"({"additional_special_tokens": [3]})");
  with_config(R"({"additional_special_tokens": "a"})");
}

class BadArguments : public testing::Test {
 protected:
  void SetUp() override {
    repository_.Write("tokenizer.json", TokenizerJson(CharacterModel()));
    auto loaded = repository_.Load();
    ASSERT_TRUE(loaded.ok()) << loaded.status().ToString();
    tokenizer_ = std::move(loaded).value();
  }
  ScratchRepository repository_;
  std::unique_ptr<Tokenizer> tokenizer_;
};

TEST_F(BadArguments, InvalidUtf8IsRefused) {
  for (const char* text :
       {"\xff", "a\xc3", "\xed\xa0\x80", "\xc0\x80", "\xf4\x90\x80\x80", "\x80"}) {
    EXPECT_EQ(tokenizer_->Encode(text, true).status().code(), Code::kInvalidArgument);
  }
}

TEST_F(BadArguments, IdsOutsideTheVocabularyAreRefused) {
  for (int32_t id : {-1, tokenizer_->vocab_size(), INT32_MAX, INT32_MIN}) {
    const std::vector<int32_t> ids = {1, id};
    const auto text = tokenizer_->Decode(ids, false);
    EXPECT_EQ(text.status().code(), Code::kInvalidArgument) << id;
    EXPECT_THAT(text.status().message(), HasSubstr("outside the vocabulary"));
  }
}

TEST(ReplacementBomb, IsStopped) {
  std::string step =
      R"({"type":"Replace","pattern":{"String":"a"},"content":")" + std::string(1000, 'a') + "\"}";
  ScratchRepository repository;
  repository.Write("tokenizer.json",
                   TokenizerJson(CharacterModel(), "null",
                                 R"({"type":"Sequence","normalizers":[)" + step + "," + step + "," +
                                     step + "," + step + "]}"));
  const auto tokenizer = repository.Load();
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.status().ToString();
  EXPECT_EQ((*tokenizer)->Encode("a", false).status().code(), Code::kResourceExhausted);
}

TEST(BacktrackingBomb, IsStopped) {
  ScratchRepository repository;
  repository.Write(
      "tokenizer.json",
      TokenizerJson(CharacterModel(), R"({"type":"Split","pattern":{"Regex":"(a|a|b?)*(c)\\2z"},)"
                                      R"("behavior":"Isolated","invert":false})"));
  const auto tokenizer = repository.Load();
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.status().ToString();
  const auto ids = (*tokenizer)->Encode(std::string(4000, 'a') + "c", false);
  EXPECT_TRUE(ids.ok() || ids.status().code() == Code::kResourceExhausted);
}

Json SplitBy(const std::string& regex) {
  Json split = Json::object();
  split["type"] = "Split";
  split["pattern"]["Regex"] = regex;
  split["behavior"] = "Isolated";
  split["invert"] = false;
  return TokenizerJson(CharacterModel(), CompactJson(split));
}

Result<std::vector<int32_t>> EncodeWith(const Json& tokenizer_json, const std::string& text) {
  ScratchRepository repository;
  repository.Write("tokenizer.json", tokenizer_json);
  ASSIGN_OR_RETURN(const auto tokenizer, repository.Load());
  return tokenizer->Encode(text, false);
}

// Each search alone stays below any bound, all of them together would take hours.
TEST(BacktrackingBomb, IsStoppedWhenEveryMatchIsDear) {
  const auto ids = EncodeWith(SplitBy("(?=(?:a|a)*?$)a"), std::string(20'000, 'a'));
  EXPECT_EQ(ids.status().code(), Code::kResourceExhausted) << ids.status().ToString();
  EXPECT_THAT(ids.status().message(), HasSubstr("pre_tokenizer"));
}

// A look ahead to the end of the text at every character, which never goes back.
TEST(LookaheadBomb, IsStopped) {
  if (std::getenv("KOEVAL_NIGHTLY") == nullptr)
    GTEST_SKIP() << "takes 20 seconds; KOEVAL_NIGHTLY=1";
  const auto ids = EncodeWith(SplitBy("(?=a*+b)a|c"), std::string(400'000, 'a'));
  EXPECT_EQ(ids.status().code(), Code::kResourceExhausted) << ids.status().ToString();
}

// A thousand million repetitions of nothing, at which the matcher stops by itself.
TEST(RepetitionOfNothing, TakesNoTime) {
  const auto ids = EncodeWith(SplitBy("(?:(?:(?:(?:|b)(?=a)){1000}){1000}){1000}a"), "aaa");
  ASSERT_TRUE(ids.ok()) << ids.status().ToString();
  EXPECT_EQ(ids->size(), 3U);
}

TEST(LongRepetition, FitsTheStackOfTheMatcher) {
  const auto ids = EncodeWith(SplitBy("(?:(?:a|b)|c)+"), std::string(300'000, 'a'));
  ASSERT_TRUE(ids.ok()) << ids.status().ToString();
  EXPECT_EQ(ids->size(), 300'000U);
}

TEST(LongPatterns, AreRefusedOrRun) {
  EXPECT_EQ(LoadStatus(SplitBy(std::string(20'000, 'a'))).code(), Code::kInvalidArgument);
  const std::string deep = std::string(8'000, '(') + "a" + std::string(8'000, ')');
  EXPECT_EQ(LoadStatus(SplitBy(deep)).code(), Code::kInvalidArgument);
}

// Whatever happens to the bytes of a file, loading ends with a Status.
TEST(Mutations, NeverCrashTheLoader) {
  constexpr uint32_t kSeed = 7;
  SCOPED_TRACE(testing::Message() << "seed " << kSeed);
  std::mt19937 random(kSeed);
  const Json whole = TokenizerJson(
      R"({"type":"BPE","unk_token":"?","byte_fallback":true,"vocab":{"?":0,"a":1,"b":2,"ab":3},)"
      R"("merges":["a b"]})",
      R"({"type":"Sequence","pretokenizers":[{"type":"Split","pattern":{"Regex":"\\s+|a{1,3}"},)"
      R"("behavior":"Isolated","invert":false},{"type":"Digits","individual_digits":true}]})",
      R"({"type":"Sequence","normalizers":[{"type":"NFC"},{"type":"Prepend","prepend":"▁"}]})",
      R"({"type":"Sequence","decoders":[{"type":"ByteFallback"},{"type":"Fuse"},{"type":"Strip",)"
      R"("content":" ","start":1,"stop":0}]})",
      R"({"type":"TemplateProcessing","single":[{"Sequence":{"id":"A"}}],"special_tokens":{}})",
      R"([{"id":4,"content":"<x>","lstrip":true,"special":true}])");
  const std::string bytes = CompactJson(whole);
  int loaded = 0;
  for (int i = 0; i < 3000; ++i) {
    std::string mutated = bytes;
    for (auto n = 1 + random() % 3; n > 0; --n) {
      const size_t at = random() % mutated.size();
      switch (random() % 3) {
        case 0:
          mutated[at] = static_cast<char>(random() % 256);
          break;
        case 1:
          mutated.erase(at, 1 + random() % 8);
          break;
        default:
          mutated.insert(at, mutated.substr(random() % mutated.size(), random() % 12));
      }
    }
    ScratchRepository repository;
    repository.Write("tokenizer.json", mutated);
    const auto tokenizer = repository.Load();
    if (!tokenizer.ok()) continue;
    ++loaded;
    const auto ids = (*tokenizer)->Encode(" aab 12 <x> 가\u0301 ", true);
    if (ids.ok()) {
      EXPECT_TRUE((*tokenizer)->Decode(*ids, false).ok());
    }
  }
  EXPECT_GT(loaded, 0);
}

// Every member of a real file replaced by something of another type.
TEST(Mutations, WrongTypesNeverCrashTheLoader) {
  const auto bytes = ReadFile(GoldenPath("byte_bpe/tokenizer.json"));
  ASSERT_TRUE(bytes.ok()) << bytes.status().ToString();
  const auto whole = ParseJson(*bytes);
  ASSERT_TRUE(whole.ok());
  const std::vector<Json> others = {nullptr,        7,   -1, 1e300, "text", Json::array(),
                                    Json::object(), true};
  std::vector<Json::json_pointer> places;
  const std::function<void(const Json&, const Json::json_pointer&)> collect =
      [&](const Json& value, const Json::json_pointer& place) {
        places.push_back(place);
        if (!value.is_structured() || value.size() > 50) return;
        for (const auto& [key, member] : value.items()) {
          collect(member, value.is_array() ? place / std::stoul(key) : place / key);
        }
      };
  collect(*whole, Json::json_pointer());
  ASSERT_GT(places.size(), 40U);
  for (const auto& place : places) {
    for (const Json& other : others) {
      Json changed = *whole;
      changed[place] = other;
      ScratchRepository repository;
      repository.Write("tokenizer.json", changed);
      const auto tokenizer = repository.Load();
      if (!tokenizer.ok()) continue;
      EXPECT_TRUE((*tokenizer)->Encode("가 <|endoftext|>a", true).ok());
    }
  }
}

}  // namespace
}  // namespace koeval::tokenizer
