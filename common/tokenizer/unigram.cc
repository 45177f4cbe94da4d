// Unigram language model: the best segmentation by Viterbi, unknown characters fused.
#include <fmt/core.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "common/tokenizer/byte_trie.h"
#include "common/tokenizer/fields.h"
#include "common/tokenizer/model.h"
#include "common/tokenizer/unicode_class.h"
#include "common/tokenizer/vocabulary.h"

namespace koeval::tokenizer {
namespace {

constexpr double kUnkPenalty = 10.0;  // below the least score of the vocabulary

struct Piece {
  std::string text;
  double score = 0;
};

// Pieces by id; a text may come twice, then its last id counts.
class Unigram final : public Model {
 public:
  Unigram(std::vector<Piece> pieces, int32_t unk_id, bool byte_fallback)
      : pieces_(std::move(pieces)), unk_id_(unk_id), byte_fallback_(byte_fallback) {
    double least = std::numeric_limits<double>::infinity();
    std::vector<std::pair<std::string_view, int32_t>> keys;
    for (size_t id = 0; id < pieces_.size(); ++id) {
      ids_[pieces_[id].text] = static_cast<int32_t>(id);
      least = std::min(least, pieces_[id].score);
    }
    for (const Piece& piece : pieces_) keys.emplace_back(piece.text, ids_[piece.text]);
    trie_ = ByteTrie(std::move(keys));
    unk_score_ = least - kUnkPenalty;
  }

  Status Tokenize(std::string_view word, std::vector<int32_t>& ids) const override {
    std::vector<Node> nodes(word.size() + 1);
    RETURN_IF_ERROR(Search(word, nodes));
    // Segments from the end; neighbouring unknown ones become one.
    std::vector<std::pair<size_t, size_t>> segments;
    size_t end = word.size();
    bool previous_unknown = false;
    while (end > 0) {
      const Node& node = nodes[end];
      const bool unknown = unk_id_ >= 0 && node.id == unk_id_;
      if (unknown && previous_unknown) {
        segments.back().first = node.start;
      } else {
        segments.emplace_back(node.start, end);
      }
      previous_unknown = unknown;
      end = node.start;
    }
    for (auto it = segments.rbegin(); it != segments.rend(); ++it) {
      RETURN_IF_ERROR(AppendIds(word.substr(it->first, it->second - it->first), ids));
    }
    return OkStatus();
  }

  std::optional<int32_t> TokenToId(std::string_view token) const override {
    const auto it = ids_.find(token);
    if (it == ids_.end()) return std::nullopt;
    return it->second;
  }
  const std::string* IdToToken(int32_t id) const override {
    return id >= 0 && id < id_end() ? &pieces_[static_cast<size_t>(id)].text : nullptr;
  }
  int32_t token_count() const override { return static_cast<int32_t>(pieces_.size()); }
  int32_t id_end() const override { return static_cast<int32_t>(pieces_.size()); }

 private:
  static constexpr size_t kNoStart = std::numeric_limits<size_t>::max();
  // The best way to reach a byte offset.
  struct Node {
    size_t start = kNoStart;
    double score = 0;
    int32_t id = -1;
  };

  static Status MissingUnk() {
    return InvalidArgument(
        "the text has a character that is not in the vocabulary, and tokenizer.json's model has no "
        "unk_id for it");
  }

  Status Search(std::string_view word, std::vector<Node>& nodes) const {
    const auto improve = [&](size_t end, size_t start, double score, int32_t id) {
      Node& node = nodes[end];
      if (node.start == kNoStart || score > node.score) node = {start, score, id};
    };
    for (size_t at = 0; at < word.size();) {
      const double so_far = nodes[at].score;
      size_t next = at;
      NextCodePoint(word, next);
      bool has_single = false;
      trie_.ForEachPrefix(word, at, [&](size_t length, int32_t id) {
        improve(at + length, at, pieces_[static_cast<size_t>(id)].score + so_far, id);
        has_single = has_single || at + length == next;
      });
      if (!has_single) {
        if (unk_id_ < 0) return MissingUnk();
        improve(next, at, unk_score_ + so_far, unk_id_);
      }
      at = next;
    }
    return OkStatus();
  }

  Status AppendIds(std::string_view segment, std::vector<int32_t>& ids) const {
    if (const auto id = TokenToId(segment)) {
      ids.push_back(*id);
      return OkStatus();
    }
    if (byte_fallback_) {
      std::vector<int32_t> bytes;
      for (char byte : segment) {
        const auto id = TokenToId(ByteToken(static_cast<unsigned char>(byte)));
        if (!id) break;
        bytes.push_back(*id);
      }
      if (bytes.size() == segment.size()) {
        ids.insert(ids.end(), bytes.begin(), bytes.end());
        return OkStatus();
      }
    }
    if (unk_id_ < 0) return MissingUnk();
    ids.push_back(unk_id_);
    return OkStatus();
  }

  std::vector<Piece> pieces_;
  TextMap<int32_t> ids_;
  ByteTrie trie_;
  const int32_t unk_id_;  // -1: none
  const bool byte_fallback_;
  double unk_score_ = 0;
};

}  // namespace

Result<std::unique_ptr<Model>> ReadUnigram(const Json& model, const std::string& where) {
  const Json* vocab = JsonFind(model, "vocab");
  if (vocab == nullptr || !vocab->is_array() || vocab->empty() ||
      vocab->size() > static_cast<size_t>(kIdEnd)) {
    return InvalidArgument(
        fmt::format("{}: field \"vocab\" must be a list of 1 to {} pieces", where, kIdEnd));
  }
  std::vector<Piece> pieces;
  pieces.reserve(vocab->size());
  for (size_t i = 0; i < vocab->size(); ++i) {
    const Json& piece = (*vocab)[i];
    if (!piece.is_array() || piece.size() != 2 || !piece[0].is_string() || !piece[1].is_number()) {
      return InvalidArgument(
          fmt::format("{}.vocab[{}]: must be a list of a text and a number", where, i));
    }
    pieces.push_back({piece[0].get<std::string>(), piece[1].get<double>()});
  }
  int32_t unk_id = -1;
  if (JsonFind(model, "unk_id") != nullptr) {
    ASSIGN_OR_RETURN(const int64_t read,
                     BoundedInt(model, "unk_id", static_cast<int64_t>(pieces.size()) - 1, where));
    unk_id = static_cast<int32_t>(read);
  }
  ASSIGN_OR_RETURN(const bool byte_fallback, OptionalBool(model, "byte_fallback", false, where));
  return std::unique_ptr<Model>(
      std::make_unique<Unigram>(std::move(pieces), unk_id, byte_fallback));
}

}  // namespace koeval::tokenizer
