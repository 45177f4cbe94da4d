// Byte pair encoding: merges by rank with a heap, over bytes or characters with byte fallback.
#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <bit>
#include <limits>
#include <utility>

#include "common/tokenizer/fields.h"
#include "common/tokenizer/model.h"
#include "common/tokenizer/unicode_class.h"
#include "common/tokenizer/vocabulary.h"

namespace koeval::tokenizer {
namespace {

// What two neighbours become, and how early.
struct Merge {
  int32_t rank = -1;
  int32_t id = -1;
};

// Pairs of ids to merges, with open addressing: the hottest look-up of all.
class MergeTable {
 public:
  explicit MergeTable(size_t count)
      : shift_(64 - std::countr_zero(std::bit_ceil(count * 2 + 2))),
        slots_(std::bit_ceil(count * 2 + 2)) {}

  // A pair that comes again takes the later rank, as a map would.
  void Set(int32_t left, int32_t right, Merge merge) {
    Slot& slot = slots_[SlotOf(Key(left, right))];
    slot.key = Key(left, right);
    slot.merge = merge;
  }
  const Merge* Find(int32_t left, int32_t right) const {
    const Slot& slot = slots_[SlotOf(Key(left, right))];
    return slot.key == kEmpty ? nullptr : &slot.merge;
  }

 private:
  static constexpr uint64_t kEmpty = std::numeric_limits<uint64_t>::max();
  struct Slot {
    uint64_t key = kEmpty;
    Merge merge;
  };
  static uint64_t Key(int32_t left, int32_t right) {
    return (static_cast<uint64_t>(static_cast<uint32_t>(left)) << 32) |
           static_cast<uint32_t>(right);
  }
  // The slot that has the key, or the empty one where it belongs.
  size_t SlotOf(uint64_t key) const {
    size_t at = static_cast<size_t>((key * 0x9e3779b97f4a7c15ULL) >> shift_);
    while (slots_[at].key != key && slots_[at].key != kEmpty) at = (at + 1) & (slots_.size() - 1);
    return at;
  }

  int shift_;
  std::vector<Slot> slots_;
};

struct BpeOptions {
  std::optional<std::string> unk_token;
  std::string prefix;  // continuing_subword_prefix
  std::string suffix;  // end_of_word_suffix
  bool fuse_unk = false;
  bool byte_fallback = false;
  bool ignore_merges = false;
};

// Symbols of a word as a linked list; length 0 marks one that was merged into its left neighbour.
struct Symbol {
  int32_t id;
  int32_t previous;
  int32_t next;
  bool alive;
};

struct Candidate {
  int32_t rank;
  int32_t position;
  int32_t id;
  // For a heap whose top has the least rank, then the least position.
  bool operator<(const Candidate& other) const {
    return rank != other.rank ? rank > other.rank : position > other.position;
  }
};

class Bpe final : public Model {
 public:
  Bpe(Vocabulary vocabulary, MergeTable merges, BpeOptions options, bool splits_at_metaspace)
      : vocabulary_(std::move(vocabulary)),
        merges_(std::move(merges)),
        options_(std::move(options)),
        splits_at_metaspace_(splits_at_metaspace) {
    if (options_.unk_token) unk_id_ = vocabulary_.Find(*options_.unk_token).value_or(-1);
    for (unsigned byte = 0; byte < 256; ++byte) {
      byte_ids_[byte] = vocabulary_.Find(ByteToken(static_cast<unsigned char>(byte))).value_or(-1);
    }
  }

  Status Tokenize(std::string_view word, std::vector<int32_t>& ids) const override {
    if (options_.ignore_merges) {
      if (const auto id = vocabulary_.Find(word)) {
        ids.push_back(*id);
        return OkStatus();
      }
    }
    if (word.size() > static_cast<size_t>(std::numeric_limits<int32_t>::max() / 2)) {
      return ResourceExhausted(fmt::format("a word of {} bytes is too long", word.size()));
    }
    std::vector<Symbol> symbols;
    FillSymbols(word, symbols);
    MergeAll(symbols);
    for (const Symbol& symbol : symbols) {
      if (symbol.alive) ids.push_back(symbol.id);
    }
    return OkStatus();
  }

  std::optional<int32_t> TokenToId(std::string_view token) const override {
    return vocabulary_.Find(token);
  }
  const std::string* IdToToken(int32_t id) const override { return vocabulary_.Token(id); }
  int32_t token_count() const override { return vocabulary_.count(); }
  int32_t id_end() const override { return vocabulary_.id_end(); }
  bool splits_at_metaspace() const override { return splits_at_metaspace_; }
  bool is_bpe() const override { return true; }

 private:
  static void AddSymbol(std::vector<Symbol>& symbols, int32_t id) {
    const auto at = static_cast<int32_t>(symbols.size());
    symbols.push_back({id, at - 1, at + 1, true});
  }

  // One symbol per character, or its bytes, or the unknown token; a character that has none of
  // these is left out.
  void FillSymbols(std::string_view word, std::vector<Symbol>& symbols) const {
    symbols.reserve(word.size());
    bool unk_pending = false;
    std::string decorated;
    for (size_t at = 0; at < word.size();) {
      const size_t begin = at;
      NextCodePoint(word, at);
      std::string_view piece = word.substr(begin, at - begin);
      const bool prefixed = begin > 0 && !options_.prefix.empty();
      const bool suffixed = at == word.size() && !options_.suffix.empty();
      if (prefixed || suffixed) {
        decorated = prefixed ? options_.prefix : "";
        decorated += piece;
        if (suffixed) decorated += options_.suffix;
        piece = decorated;
      }
      if (const auto id = vocabulary_.Find(piece)) {
        if (unk_pending) AddSymbol(symbols, unk_id_);
        unk_pending = false;
        AddSymbol(symbols, *id);
      } else if (!AddBytes(piece, symbols) && unk_id_ >= 0) {
        if (unk_pending && !options_.fuse_unk) AddSymbol(symbols, unk_id_);
        unk_pending = true;
      }
    }
    if (unk_pending) AddSymbol(symbols, unk_id_);
    if (!symbols.empty()) symbols.back().next = -1;
  }

  // All bytes of `piece` as tokens, or nothing when a single one has none.
  bool AddBytes(std::string_view piece, std::vector<Symbol>& symbols) const {
    if (!options_.byte_fallback) return false;
    for (char byte : piece) {
      if (byte_ids_[static_cast<unsigned char>(byte)] < 0) return false;
    }
    for (char byte : piece) AddSymbol(symbols, byte_ids_[static_cast<unsigned char>(byte)]);
    return true;
  }

  void MergeAll(std::vector<Symbol>& symbols) const {
    std::vector<Candidate> heap;
    const auto consider = [&](int32_t left, int32_t right) {
      const Merge* merge = merges_.Find(symbols[static_cast<size_t>(left)].id,
                                        symbols[static_cast<size_t>(right)].id);
      if (merge != nullptr) heap.push_back({merge->rank, left, merge->id});
      return merge != nullptr;
    };
    const auto push = [&](int32_t left, int32_t right) {
      if (consider(left, right)) std::push_heap(heap.begin(), heap.end());
    };
    for (size_t i = 0; i + 1 < symbols.size(); ++i) {
      consider(static_cast<int32_t>(i), static_cast<int32_t>(i + 1));
    }
    std::make_heap(heap.begin(), heap.end());
    while (!heap.empty()) {
      std::pop_heap(heap.begin(), heap.end());
      const Candidate top = heap.back();
      heap.pop_back();
      Symbol& left = symbols[static_cast<size_t>(top.position)];
      if (!left.alive || left.next < 0) continue;
      Symbol& right = symbols[static_cast<size_t>(left.next)];
      const Merge* merge = merges_.Find(left.id, right.id);
      if (merge == nullptr || merge->id != top.id) continue;  // an entry of before a merge
      left.id = top.id;
      right.alive = false;
      left.next = right.next;
      if (left.next >= 0) symbols[static_cast<size_t>(left.next)].previous = top.position;
      if (left.previous >= 0) push(left.previous, top.position);
      if (left.next >= 0) push(top.position, left.next);
    }
  }

  const Vocabulary vocabulary_;
  const MergeTable merges_;
  const BpeOptions options_;
  const bool splits_at_metaspace_;
  int32_t unk_id_ = -1;
  std::array<int32_t, 256> byte_ids_;
};

// A merge as "left right" or ["left", "right"].
Result<std::pair<std::string_view, std::string_view>> MergeParts(const Json& merge,
                                                                 std::string_view where) {
  if (merge.is_string()) {
    const std::string_view text = merge.get_ref<const std::string&>();
    const size_t space = text.find(' ');
    if (space != std::string_view::npos && text.find(' ', space + 1) == std::string_view::npos) {
      return std::pair(text.substr(0, space), text.substr(space + 1));
    }
  } else if (merge.is_array() && merge.size() == 2 && merge[0].is_string() &&
             merge[1].is_string()) {
    return std::pair(std::string_view(merge[0].get_ref<const std::string&>()),
                     std::string_view(merge[1].get_ref<const std::string&>()));
  }
  return InvalidArgument(fmt::format(
      "{}: a merge must be two tokens with one space between, or a list of two", where));
}

struct Merges {
  MergeTable table;
  bool crosses_metaspace = false;  // some merge joins a U+2581 to another character before it
};

Result<Merges> ReadMerges(const Json& list, const Vocabulary& vocabulary, const BpeOptions& options,
                          const std::string& where) {
  if (!list.is_array()) {
    return InvalidArgument(fmt::format("{}: must be a list", where));
  }
  Merges out{MergeTable(list.size())};
  std::string joined;
  for (size_t rank = 0; rank < list.size(); ++rank) {
    const auto place = [&] { return fmt::format("{}[{}]", where, rank); };
    auto parts = MergeParts(list[rank], where);
    if (!parts.ok()) return parts.status().WithContext(fmt::format("merge {}", rank));
    const auto [left, right] = *parts;
    if (right.size() < options.prefix.size()) {
      return InvalidArgument(
          fmt::format("{}: \"{}\" is shorter than continuing_subword_prefix", place(), right));
    }
    joined.assign(left);
    joined += right.substr(options.prefix.size());
    const auto left_id = vocabulary.Find(left);
    const auto right_id = vocabulary.Find(right);
    const auto id = vocabulary.Find(joined);
    if (!left_id || !right_id || !id) {
      return InvalidArgument(fmt::format("{}: the token \"{}\" is not in the vocabulary", place(),
                                         !left_id ? left : (!right_id ? right : joined)));
    }
    out.table.Set(*left_id, *right_id, {static_cast<int32_t>(rank), *id});
    out.crosses_metaspace = out.crosses_metaspace ||
                            (right.starts_with(kMetaspaceText) && !left.ends_with(kMetaspaceText));
  }
  return out;
}

Result<BpeOptions> ReadOptions(const Json& model, const std::string& where) {
  BpeOptions options;
  const Json* dropout = JsonFind(model, "dropout");
  if (dropout != nullptr && !(dropout->is_number() && dropout->get<double>() == 0)) {
    return Unimplemented(
        fmt::format("{}: field \"dropout\" makes encoding random; set it to null", where));
  }
  if (JsonFind(model, "unk_token") != nullptr) {
    ASSIGN_OR_RETURN(options.unk_token, JsonString(model, "unk_token", where));
  }
  ASSIGN_OR_RETURN(options.prefix, OptionalString(model, "continuing_subword_prefix", "", where));
  ASSIGN_OR_RETURN(options.suffix, OptionalString(model, "end_of_word_suffix", "", where));
  ASSIGN_OR_RETURN(options.fuse_unk, OptionalBool(model, "fuse_unk", false, where));
  ASSIGN_OR_RETURN(options.byte_fallback, OptionalBool(model, "byte_fallback", false, where));
  ASSIGN_OR_RETURN(options.ignore_merges, OptionalBool(model, "ignore_merges", false, where));
  return options;
}

// Cutting is exact when no merge reaches over the cut, U+2581 is a token (so that a pending unknown
// token ends there) and words are treated alike wherever they stand.
bool CanSplitAtMetaspace(const Vocabulary& vocabulary, const BpeOptions& options,
                         bool crosses_metaspace) {
  const bool unk_is_plain =
      !options.unk_token || (!options.unk_token->starts_with(kMetaspaceText) &&
                             !options.unk_token->ends_with(kMetaspaceText));
  return !crosses_metaspace && vocabulary.Find(kMetaspaceText).has_value() && unk_is_plain &&
         options.prefix.empty() && options.suffix.empty() && !options.ignore_merges;
}

}  // namespace

std::string ByteToken(unsigned char byte) {
  return fmt::format("<0x{:02X}>", byte);
}

Result<std::unique_ptr<Model>> ReadBpe(const Json& model, const std::string& where) {
  ASSIGN_OR_RETURN(BpeOptions options, ReadOptions(model, where));
  const Json* vocab = JsonFind(model, "vocab");
  const Json* merges = JsonFind(model, "merges");
  if (vocab == nullptr || merges == nullptr) {
    return InvalidArgument(fmt::format("{}: needs the members \"vocab\" and \"merges\"", where));
  }
  ASSIGN_OR_RETURN(Vocabulary vocabulary, Vocabulary::FromObject(*vocab, where + ".vocab"));
  ASSIGN_OR_RETURN(Merges read, ReadMerges(*merges, vocabulary, options, where + ".merges"));
  if (options.unk_token && !vocabulary.Find(*options.unk_token)) {
    return InvalidArgument(fmt::format("{}: the unk_token \"{}\" is not in the vocabulary", where,
                                       *options.unk_token));
  }
  const bool splits = CanSplitAtMetaspace(vocabulary, options, read.crosses_metaspace);
  return std::unique_ptr<Model>(std::make_unique<Bpe>(std::move(vocabulary), std::move(read.table),
                                                      std::move(options), splits));
}

}  // namespace koeval::tokenizer
