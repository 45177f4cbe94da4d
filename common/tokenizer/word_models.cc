// WordLevel and WordPiece, and the choice among all models.
#include <fmt/core.h>

#include <utility>
#include <vector>

#include "common/base/utf8.h"
#include "common/tokenizer/byte_trie.h"
#include "common/tokenizer/fields.h"
#include "common/tokenizer/model.h"
#include "common/tokenizer/unicode_class.h"
#include "common/tokenizer/vocabulary.h"

namespace koeval::tokenizer {
namespace {

// What both models share: a vocabulary in which a word is known or not.
class WordModel : public Model {
 public:
  WordModel(Vocabulary vocabulary, const std::string& unk_token)
      : vocabulary_(std::move(vocabulary)), unk_id_(vocabulary_.Find(unk_token)) {}

  std::optional<int32_t> TokenToId(std::string_view token) const override {
    return vocabulary_.Find(token);
  }
  const std::string* IdToToken(int32_t id) const override { return vocabulary_.Token(id); }
  int32_t token_count() const override { return vocabulary_.count(); }
  int32_t id_end() const override { return vocabulary_.id_end(); }

 protected:
  Status AppendUnk(std::vector<int32_t>& ids) const {
    if (!unk_id_) {
      return InvalidArgument(
          "the text has a word that is not in the vocabulary, and the unk_token of "
          "tokenizer.json's "
          "model is not in the vocabulary either");
    }
    ids.push_back(*unk_id_);
    return OkStatus();
  }

  const Vocabulary vocabulary_;

 private:
  const std::optional<int32_t> unk_id_;
};

class WordLevel final : public WordModel {
 public:
  using WordModel::WordModel;
  Status Tokenize(std::string_view word, std::vector<int32_t>& ids) const override {
    const auto id = vocabulary_.Find(word);
    if (!id) return AppendUnk(ids);
    ids.push_back(*id);
    return OkStatus();
  }
};

class WordPiece final : public WordModel {
 public:
  WordPiece(Vocabulary vocabulary, const std::string& unk_token, std::string_view prefix,
            int64_t characters_max)
      : WordModel(std::move(vocabulary), unk_token),
        characters_max_(static_cast<size_t>(characters_max)) {
    std::vector<std::pair<std::string_view, int32_t>> all, continuing;
    for (int32_t id = 0; id < vocabulary_.id_end(); ++id) {
      const std::string* token = vocabulary_.Token(id);
      if (token == nullptr) continue;
      const std::string_view text = *token;
      if (!text.empty()) all.emplace_back(text, id);
      if (text.size() > prefix.size() && text.starts_with(prefix)) {
        continuing.emplace_back(text.substr(prefix.size()), id);
      }
    }
    first_ = ByteTrie(std::move(all));
    continuing_ = ByteTrie(std::move(continuing));
  }

  // Greedy longest match from the left; a word that does not come out even is unknown as a whole.
  Status Tokenize(std::string_view word, std::vector<int32_t>& ids) const override {
    if (CountCodePoints(word) > characters_max_) return AppendUnk(ids);
    std::vector<int32_t> found;
    for (size_t begin = 0; begin < word.size();) {
      size_t longest = 0;
      int32_t id = 0;
      (begin == 0 ? first_ : continuing_)
          .ForEachPrefix(word, begin, [&](size_t length, int32_t value) {
            longest = length;
            id = value;
          });
      if (longest == 0) return AppendUnk(ids);
      found.push_back(id);
      begin += longest;
    }
    ids.insert(ids.end(), found.begin(), found.end());
    return OkStatus();
  }

 private:
  const size_t characters_max_;
  ByteTrie first_;       // of all tokens
  ByteTrie continuing_;  // of those with the prefix, without it
};

constexpr int64_t kWordCharactersMax = 10'000;

Result<Vocabulary> ReadVocabulary(const Json& model, const std::string& where) {
  const Json* vocab = JsonFind(model, "vocab");
  if (vocab == nullptr) return InvalidArgument(where + ": needs the member \"vocab\"");
  return Vocabulary::FromObject(*vocab, where + ".vocab");
}

}  // namespace

Result<std::unique_ptr<Model>> ReadWordLevel(const Json& model, const std::string& where) {
  ASSIGN_OR_RETURN(Vocabulary vocabulary, ReadVocabulary(model, where));
  ASSIGN_OR_RETURN(const std::string unk, JsonString(model, "unk_token", where));
  return std::unique_ptr<Model>(std::make_unique<WordLevel>(std::move(vocabulary), unk));
}

Result<std::unique_ptr<Model>> ReadWordPiece(const Json& model, const std::string& where) {
  ASSIGN_OR_RETURN(Vocabulary vocabulary, ReadVocabulary(model, where));
  ASSIGN_OR_RETURN(const std::string unk, JsonString(model, "unk_token", where));
  ASSIGN_OR_RETURN(const std::string prefix, JsonString(model, "continuing_subword_prefix", where));
  ASSIGN_OR_RETURN(const int64_t characters_max,
                   BoundedInt(model, "max_input_chars_per_word", kWordCharactersMax, where));
  return std::unique_ptr<Model>(
      std::make_unique<WordPiece>(std::move(vocabulary), unk, prefix, characters_max));
}

Result<std::unique_ptr<Model>> ReadModel(const Json& model, const std::string& where) {
  if (!model.is_object()) return InvalidArgument(where + ": must be an object");
  std::string type;
  if (JsonFind(model, "type") != nullptr) {
    ASSIGN_OR_RETURN(type, JsonString(model, "type", where));
  } else if (JsonFind(model, "merges") != nullptr) {
    type = "BPE";
  } else if (const Json* vocab = JsonFind(model, "vocab"); vocab != nullptr && vocab->is_array()) {
    type = "Unigram";
  } else {
    type = JsonFind(model, "max_input_chars_per_word") != nullptr ? "WordPiece" : "WordLevel";
  }
  if (type == "BPE") return ReadBpe(model, where);
  if (type == "Unigram") return ReadUnigram(model, where);
  if (type == "WordLevel") return ReadWordLevel(model, where);
  if (type == "WordPiece") return ReadWordPiece(model, where);
  return UnsupportedComponent("model", type, where);
}

}  // namespace koeval::tokenizer
