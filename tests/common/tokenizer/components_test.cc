// Single components of tokenizer.json on small models. Expected values were made with the reference
// implementation (tokenizers 0.23).
#include <fmt/core.h>
#include <gtest/gtest.h>

#include "tests/common/tokenizer/scratch_repository.h"

namespace koeval::tokenizer {
namespace {

using Texts = std::vector<std::string>;

// The texts of the tokens that `tokenizer_json` makes of `text`.
Texts Tokens(const Json& tokenizer_json, const std::string& text) {
  ScratchRepository repository;
  repository.Write("tokenizer.json", tokenizer_json);
  const auto tokenizer = repository.Load();
  EXPECT_TRUE(tokenizer.ok()) << tokenizer.status().ToString();
  if (!tokenizer.ok()) return {};
  const auto ids = (*tokenizer)->Encode(text, true);
  EXPECT_TRUE(ids.ok()) << ids.status().ToString();
  Texts out;
  for (int32_t id : ids.ok() ? *ids : std::vector<int32_t>()) {
    const std::vector<int32_t> one = {id};
    const auto piece = (*tokenizer)->Decode(one, false);
    EXPECT_TRUE(piece.ok()) << piece.status().ToString();
    out.push_back(piece.ok() ? *piece : "");
  }
  return out;
}

// A WordLevel model that knows the words, so that tokens show how a text was split.
std::string WordModel(const Texts& words) {
  Json vocab = Json::object();
  vocab["?"] = 0;
  for (const std::string& word : words) vocab[word] = static_cast<int>(vocab.size());
  return CompactJson(Json{{"type", "WordLevel"}, {"unk_token", "?"}, {"vocab", vocab}});
}

Texts Split(const std::string& pre_tokenizer, const std::string& text, const Texts& words) {
  return Tokens(TokenizerJson(WordModel(words), pre_tokenizer), text);
}

TEST(PreTokenizer, SplitBehaviorsKeepOrDropTheMatch) {
  const Texts words = {"a", "b", "-", "--", "a-", "-b", "a--", "--b", "-a"};
  const auto split = [&](const std::string& behavior, const std::string& invert = "false") {
    return Split(fmt::format(R"({{"type":"Split","pattern":{{"String":"-"}},"behavior":"{}",)"
                             R"("invert":{}}})",
                             behavior, invert),
                 "a--b", words);
  };
  EXPECT_EQ(split("Removed"), (Texts{"a", "b"}));
  EXPECT_EQ(split("Isolated"), (Texts{"a", "-", "-", "b"}));
  EXPECT_EQ(split("MergedWithPrevious"), (Texts{"a-", "-", "b"}));
  EXPECT_EQ(split("MergedWithNext"), (Texts{"a", "-", "-b"}));
  EXPECT_EQ(split("Contiguous"), (Texts{"a", "--", "b"}));
  EXPECT_EQ(split("Removed", "true"), (Texts{"-", "-"}));
}

TEST(PreTokenizer, MetaspacePrependsByScheme) {
  const auto metaspace = [](const std::string& scheme, const std::string& text) {
    return Split(
        fmt::format(R"({{"type":"Metaspace","replacement":"▁","prepend_scheme":"{}"}})", scheme),
        text, {"a", "b", "▁a", "▁b", "▁"});
  };
  EXPECT_EQ(metaspace("always", "a b"), (Texts{"▁a", "▁b"}));
  EXPECT_EQ(metaspace("never", "a b"), (Texts{"a", "▁b"}));
  EXPECT_EQ(metaspace("always", " a"), (Texts{"▁a"}));
  EXPECT_EQ(metaspace("always", "a  b"), (Texts{"▁a", "▁", "▁b"}));
  EXPECT_EQ(metaspace("first", "a b"), (Texts{"▁a", "▁b"}));
}

TEST(PreTokenizer, FirstSchemeLooksAtTheStartOfTheTextOnly) {
  const Json json =
      TokenizerJson(WordModel({"a", "▁a", "<s>"}),
                    R"({"type":"Metaspace","replacement":"▁","prepend_scheme":"first"})", "null",
                    "null", "null", R"([{"id":3,"content":"<s>","special":true}])");
  EXPECT_EQ(Tokens(json, "a<s>a"), (Texts{"▁a", "<s>", "a"}));
}

TEST(PreTokenizer, ClassesSplitWords) {
  const Texts words = {"ab", "12", "1", "2", "!", "!!", "cd", "ab12", "_x"};
  EXPECT_EQ(Split(R"({"type":"Digits","individual_digits":true})", "ab12", words),
            (Texts{"ab", "1", "2"}));
  EXPECT_EQ(Split(R"({"type":"Digits","individual_digits":false})", "ab12", words),
            (Texts{"ab", "12"}));
  EXPECT_EQ(Split(R"({"type":"Punctuation"})", "ab!!cd", words), (Texts{"ab", "!", "!", "cd"}));
  EXPECT_EQ(Split(R"({"type":"Punctuation","behavior":"Contiguous"})", "ab!!cd", words),
            (Texts{"ab", "!!", "cd"}));
  EXPECT_EQ(Split(R"({"type":"Whitespace"})", "ab12!! \u3000_x", words),
            (Texts{"ab12", "!!", "_x"}));
  EXPECT_EQ(Split(R"({"type":"WhitespaceSplit"})", " ab12\u3000cd\n", words),
            (Texts{"ab12", "cd"}));
  EXPECT_EQ(Split(R"({"type":"BertPreTokenizer"})", "ab! cd", words), (Texts{"ab", "!", "cd"}));
  EXPECT_EQ(Split(R"({"type":"CharDelimiterSplit","delimiter":"!"})", "ab!cd", words),
            (Texts{"ab", "cd"}));
}

std::string Normalized(const std::string& normalizer, const std::string& text) {
  // Every character is a token of its own; joined they are the normalised text.
  const Json json = TokenizerJson(CharacterModel(), "null", normalizer, R"({"type":"Fuse"})");
  std::string out;
  for (const std::string& token : Tokens(json, text)) out += token;
  return out;
}

TEST(Normalizer, RewritesTexts) {
  EXPECT_EQ(Normalized(R"({"type":"NFC"})", "e\u0301\u1100\u1161"), "é가");
  EXPECT_EQ(Normalized(R"({"type":"NFKC"})", "ＡＢ①"), "AB1");
  EXPECT_EQ(Normalized(R"({"type":"Lowercase"})", "ABc"), "abc");
  EXPECT_EQ(Normalized(R"({"type":"Strip","strip_left":true,"strip_right":false})", "  a "), "a ");
  EXPECT_EQ(Normalized(R"({"type":"Strip","strip_left":false,"strip_right":true})", " a\u3000"),
            " a");
  EXPECT_EQ(Normalized(R"({"type":"Prepend","prepend":"▁"})", "a"), "▁a");
  EXPECT_EQ(Normalized(R"({"type":"Prepend","prepend":"▁"})", ""), "");
  EXPECT_EQ(Normalized(R"({"type":"Replace","pattern":{"String":" "},"content":"▁"})", "a b"),
            "a▁b");
  EXPECT_EQ(Normalized(R"({"type":"Replace","pattern":{"Regex":" {2,}"},"content":" "})", "a   b"),
            "a b");
  EXPECT_EQ(Normalized(R"({"type":"Sequence","normalizers":[{"type":"NFD"},)"
                       R"({"type":"StripAccents"}]})",
                       "éa"),
            "ea");
  EXPECT_EQ(Normalized(R"({"type":"BertNormalizer","clean_text":true,"handle_chinese_chars":false,)"
                       R"("strip_accents":null,"lowercase":true})",
                       "\tÉ\u0001"),
            " e");
}

std::string AddedList(const std::string& content, const std::string& flags) {
  return fmt::format(R"([{{"id":0,"content":"{}"{}}}])", content, flags);
}

Texts WithAdded(const std::string& added, const std::string& text,
                const std::string& normalizer = "null") {
  return Tokens(TokenizerJson(CharacterModel(), "null", normalizer, "null", "null", added), text);
}

TEST(AddedTokens, TakeNeighbouringSpaceOnlyWhenToldTo) {
  EXPECT_EQ(WithAdded(AddedList("<x>", ""), "a <x> b"), (Texts{"a", " ", "<x>", " ", "b"}));
  EXPECT_EQ(WithAdded(AddedList("<x>", R"(,"lstrip":true)"), "a <x> b"),
            (Texts{"a", "<x>", " ", "b"}));
  EXPECT_EQ(WithAdded(AddedList("<x>", R"(,"rstrip":true)"), "a <x> b"),
            (Texts{"a", " ", "<x>", "b"}));
}

TEST(AddedTokens, SingleWordNeedsNoWordCharacterBeside) {
  const std::string added = AddedList("ab", R"(,"single_word":true)");
  EXPECT_EQ(WithAdded(added, "ab-ab"), (Texts{"ab", "-", "ab"}));
  EXPECT_EQ(WithAdded(added, "abc"), (Texts{"a", "b", "c"}));
  EXPECT_EQ(WithAdded(added, "_ab"), (Texts{"_", "a", "b"}));
}

TEST(AddedTokens, LongestAtTheLeftmostPlaceWins) {
  const std::string added =
      R"([{"id":0,"content":"ab"},{"id":0,"content":"abc"},{"id":0,"content":"bcd"}])";
  EXPECT_EQ(WithAdded(added, "xabcd"), (Texts{"x", "abc", "d"}));
}

TEST(AddedTokens, NormalizedOnesAreLookedForAfterNormalisation) {
  const std::string lower = R"({"type":"Lowercase"})";
  EXPECT_EQ(WithAdded(AddedList("<X>", R"(,"normalized":true)"), "a<x>b", lower),
            (Texts{"a", "<x>", "b"}));
  EXPECT_EQ(WithAdded(AddedList("<X>", R"(,"normalized":false)"), "<x><X>", lower),
            (Texts{"<", "x", ">", "<X>"}));
}

TEST(Bpe, MergesByRankAndFallsBackToBytes) {
  const std::string model =
      R"({"type":"BPE","unk_token":"?","fuse_unk":true,"byte_fallback":true,"vocab":{"?":0,"a":1,)"
      R"("b":2,"c":3,"bc":4,"ab":5,"<0xC3>":6,"<0xA9>":7},"merges":["b c",["a","b"]]})";
  EXPECT_EQ(Tokens(TokenizerJson(model), "abc"), (Texts{"a", "bc"}));
  EXPECT_EQ(Tokens(TokenizerJson(model), "abab"), (Texts{"ab", "ab"}));
  EXPECT_EQ(Tokens(TokenizerJson(model), "aé"), (Texts{"a", "<0xC3>", "<0xA9>"}));
  EXPECT_EQ(Tokens(TokenizerJson(model), "a가나b"), (Texts{"a", "?", "b"}));
}

TEST(Bpe, PrefixesAndSuffixesMarkTheParts) {
  const std::string model =
      R"({"type":"BPE","continuing_subword_prefix":"##","end_of_word_suffix":"</w>","vocab":)"
      R"({"a":0,"##b":1,"##c</w>":2,"ab":3,"abc</w>":4},"merges":["a ##b","ab ##c</w>"]})";
  EXPECT_EQ(Tokens(TokenizerJson(model), "abc"), (Texts{"abc</w>"}));
}

TEST(Bpe, IgnoreMergesTakesWholeWords) {
  const std::string model =
      R"({"type":"BPE","ignore_merges":true,"vocab":{"a":0,"b":1,"ab":2},"merges":[]})";
  EXPECT_EQ(Tokens(TokenizerJson(model), "ab"), (Texts{"ab"}));
  EXPECT_EQ(Tokens(TokenizerJson(model), "aba"), (Texts{"a", "b", "a"}));
}

// Splitting a long text before its spaces must not change anything, also when merges reach over
// them.
TEST(Bpe, MergesAcrossSpacesAreKept) {
  const std::string crossing =
      R"({"type":"BPE","vocab":{"a":0,"▁":1,"a▁":2,"▁a":3},"merges":["a ▁","▁ a"]})";
  EXPECT_EQ(Tokens(TokenizerJson(crossing), "a▁a"), (Texts{"a▁", "a"}));
  const std::string reaching =
      R"({"type":"BPE","vocab":{"a":0,"▁":1,"▁a":2,"a▁a":3},"merges":["▁ a","a ▁a"]})";
  EXPECT_EQ(Tokens(TokenizerJson(reaching), "a▁a"), (Texts{"a▁a"}));
}

TEST(Unigram, TakesTheBestPathAndFusesUnknowns) {
  const std::string model =
      R"({"type":"Unigram","unk_id":0,"vocab":[["?",0],["a",-1],["b",-1],["ab",-1.5],["abb",-9]]})";
  EXPECT_EQ(Tokens(TokenizerJson(model), "abb"), (Texts{"ab", "b"}));
  EXPECT_EQ(Tokens(TokenizerJson(model), "a가나b"), (Texts{"a", "?", "b"}));
}

TEST(WordPiece, MatchesGreedilyOrNotAtAll) {
  const std::string model =
      R"({"type":"WordPiece","unk_token":"?","continuing_subword_prefix":"##",)"
      R"("max_input_chars_per_word":5,"vocab":{"?":0,"un":1,"##do":2,"##d":3}})";
  EXPECT_EQ(Tokens(TokenizerJson(model), "undo"), (Texts{"un", "##do"}));
  EXPECT_EQ(Tokens(TokenizerJson(model), "undx"), (Texts{"?"}));
  EXPECT_EQ(Tokens(TokenizerJson(model), "undodo"), (Texts{"?"}));
}

TEST(PostProcessor, PutsTokensAround) {
  const auto around = [](const std::string& post_processor) {
    return Tokens(TokenizerJson(CharacterModel(), "null", "null", "null", post_processor), "a");
  };
  EXPECT_EQ(around(R"({"type":"RobertaProcessing","sep":["!",2],"cls":["\"",3]})"),
            (Texts{"\"", "a", "!"}));
  EXPECT_EQ(around(R"({"type":"BertProcessing","sep":["!",2],"cls":["\"",3]})"),
            (Texts{"\"", "a", "!"}));
  const std::string templated =
      R"({"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"s","type_id":0}},)"
      R"({"Sequence":{"id":"A","type_id":0}}],"special_tokens":{"s":{"id":"s","ids":[2,3]}}})";
  EXPECT_EQ(around(templated), (Texts{"!", "\"", "a"}));
  EXPECT_EQ(around(fmt::format(R"({{"type":"Sequence","processors":[{{"type":"ByteLevel"}},{}]}})",
                               templated)),
            (Texts{"!", "\"", "a"}));
}

std::string Decoded(const std::string& decoder, const Texts& words) {
  ScratchRepository repository;
  repository.Write("tokenizer.json", TokenizerJson(WordModel(words), "null", "null", decoder));
  const auto tokenizer = repository.Load();
  EXPECT_TRUE(tokenizer.ok()) << tokenizer.status().ToString();
  if (!tokenizer.ok()) return "";
  std::vector<int32_t> ids;
  for (size_t i = 0; i < words.size(); ++i) ids.push_back(static_cast<int32_t>(i) + 1);
  const auto text = (*tokenizer)->Decode(ids, false);
  EXPECT_TRUE(text.ok()) << text.status().ToString();
  return text.ok() ? *text : "";
}

TEST(Decoder, JoinsTokens) {
  EXPECT_EQ(Decoded("null", {"a", "b"}), "a b");
  EXPECT_EQ(Decoded(R"({"type":"Fuse"})", {"a", "b"}), "ab");
  EXPECT_EQ(Decoded(R"({"type":"ByteLevel"})", {"Ġa", "Ã©", "Ã", "가"}), " aé\ufffd가");
  EXPECT_EQ(Decoded(R"({"type":"Metaspace","replacement":"▁"})", {"▁a", "▁b"}), "a b");
  EXPECT_EQ(
      Decoded(R"({"type":"Metaspace","replacement":"▁","prepend_scheme":"never"})", {"▁a", "▁b"}),
      " a b");
  EXPECT_EQ(Decoded(R"({"type":"ByteFallback"})", {"<0xEA>", "<0xB0>", "<0x80>", "x"}), "가x");
  EXPECT_EQ(Decoded(R"({"type":"ByteFallback"})", {"<0xEA>", "<0xB0>", "x"}), "\ufffd\ufffdx");
  EXPECT_EQ(
      Decoded(R"({"type":"WordPiece","prefix":"##","cleanup":true})", {"do", "##n", "'t", "."}),
      "don 't.");
  EXPECT_EQ(Decoded(R"({"type":"BPEDecoder","suffix":"</w>"})", {"a", "b</w>", "c</w>"}), "ab c");
  EXPECT_EQ(Decoded(R"({"type":"Strip","content":" ","start":1,"stop":1})", {"  a  "}), " a ");
  EXPECT_EQ(Decoded(R"({"type":"Sequence","decoders":[{"type":"Replace","pattern":{"String":"▁"},)"
                    R"("content":" "},{"type":"Fuse"},{"type":"Strip","content":" ","start":1,)"
                    R"("stop":0}]})",
                    {"▁a", "▁b"}),
            "a b");
}

}  // namespace
}  // namespace koeval::tokenizer
