// Leftmost-longest matching of added tokens, with their rules on neighbours and white space.
#include "common/tokenizer/added_tokens.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "common/base/utf8.h"
#include "common/tokenizer/fields.h"
#include "common/tokenizer/unicode_class.h"

namespace koeval::tokenizer {
namespace {

constexpr size_t kContentBytesMax = 4096;  // bounds the work per character of a text

uint8_t ClassAt(std::string_view text, size_t at) {
  return ClassTable()[NextCodePoint(text, at)];
}

// Where the code point that ends at `end` begins. REQUIRES: end > 0.
size_t PreviousStart(std::string_view text, size_t end) {
  size_t at = end - 1;
  while (at > 0 && (static_cast<unsigned char>(text[at]) & 0xc0) == 0x80) --at;
  return at;
}

bool TouchesWord(std::string_view text, size_t begin, size_t end) {
  const bool before = begin > 0 && (ClassAt(text, PreviousStart(text, begin)) & kWord) != 0;
  const bool after = end < text.size() && (ClassAt(text, end) & kWord) != 0;
  return before || after;
}

// Start of the white space that ends at `at`, and end of the one that begins there.
size_t SpacesBefore(std::string_view text, size_t at) {
  while (at > 0) {
    const size_t start = PreviousStart(text, at);
    if ((ClassAt(text, start) & kSpace) == 0) break;
    at = start;
  }
  return at;
}

size_t SpacesAfter(std::string_view text, size_t at) {
  while (at < text.size()) {
    size_t next = at;
    if ((ClassTable()[NextCodePoint(text, next)] & kSpace) == 0) break;
    at = next;
  }
  return at;
}

}  // namespace

Result<AddedToken> ReadAddedToken(const Json& object, std::string_view where) {
  if (!object.is_object()) {
    return InvalidArgument(fmt::format("{}: an added token must be an object", where));
  }
  AddedToken token;
  ASSIGN_OR_RETURN(token.content, JsonString(object, "content", where));
  if (token.content.size() > kContentBytesMax) {
    return InvalidArgument(fmt::format("{}: field \"content\" has {} bytes, at most {} are read",
                                       where, token.content.size(), kContentBytesMax));
  }
  ASSIGN_OR_RETURN(token.single_word, OptionalBool(object, "single_word", false, where));
  ASSIGN_OR_RETURN(token.lstrip, OptionalBool(object, "lstrip", false, where));
  ASSIGN_OR_RETURN(token.rstrip, OptionalBool(object, "rstrip", false, where));
  ASSIGN_OR_RETURN(token.special, OptionalBool(object, "special", false, where));
  ASSIGN_OR_RETURN(token.normalized, OptionalBool(object, "normalized", !token.special, where));
  return token;
}

Status AddedTokens::Add(const AddedToken& token, const Model& model) {
  if (token.special && !token.content.empty()) special_.insert(token.content);
  if (token.content.empty()) return OkStatus();
  std::optional<int32_t> id = Id(token.content);
  if (!id) id = model.TokenToId(token.content);
  if (!id) id = std::max(model.token_count(), id_end());
  if (*id >= kIdEnd) {
    return ResourceExhausted(
        fmt::format("the added token \"{}\" would get the id {}, at most {} "
                    "ids are supported",
                    token.content, *id, kIdEnd));
  }
  ids_[token.content] = *id;
  tokens_[*id] = token;
  return OkStatus();
}

Status AddedTokens::Prepare(const Normalizer* normalizer, const Options& options) {
  split_special_ = options.split_special;
  std::vector<std::pair<std::string_view, int32_t>> raw, normalized;
  std::vector<std::string> forms;
  forms.reserve(tokens_.size());
  for (const auto& [id, token] : tokens_) {
    if (!token.normalized) {
      raw.emplace_back(token.content, id);
      continue;
    }
    std::string form = token.content;
    bool lost_start = false;
    if (normalizer != nullptr) RETURN_IF_ERROR(normalizer->Apply(form, lost_start));
    if (form.empty()) {
      return InvalidArgument(fmt::format(
          "tokenizer.json: the normalizer leaves nothing of the added token \"{}\"; set "
          "\"normalized\" of the token to false",
          token.content));
    }
    if (options.decode_normalized && form != token.content) texts_[id] = form;
    forms.push_back(std::move(form));
    normalized.emplace_back(forms.back(), id);
  }
  raw_ = ByteTrie(std::move(raw));
  normalized_ = ByteTrie(std::move(normalized));
  return OkStatus();
}

std::vector<Span> AddedTokens::Find(std::string_view text, const ByteTrie& trie) const {
  std::vector<Span> out;
  size_t done = 0;  // end of the last span
  for (size_t at = 0; at < text.size() && !trie.empty();) {
    if (!trie.CanStart(static_cast<unsigned char>(text[at]))) {
      ++at;
      continue;
    }
    size_t length = 0;
    int32_t id = 0;
    trie.ForEachPrefix(text, at, [&](size_t matched, int32_t value) {
      length = matched;
      id = value;
    });
    if (length == 0) {
      ++at;
      continue;
    }
    size_t begin = at;
    size_t end = at + length;
    at = end;  // the search goes on behind the match, also behind one that does not count
    const AddedToken& token = tokens_.at(id);
    if (split_special_ && IsSpecial(token.content)) continue;
    if (token.single_word && TouchesWord(text, begin, end)) continue;
    if (token.lstrip) begin = std::max(SpacesBefore(text, begin), done);
    if (token.rstrip) end = SpacesAfter(text, end);
    if (begin >= end) continue;  // the token before took it along as white space
    if (done < begin) out.push_back({done, begin, std::nullopt});
    out.push_back({begin, end, id});
    done = end;
  }
  if (done < text.size()) out.push_back({done, text.size(), std::nullopt});
  return out;
}

std::optional<int32_t> AddedTokens::Id(std::string_view content) const {
  const auto it = ids_.find(content);
  if (it == ids_.end()) return std::nullopt;
  return it->second;
}

const AddedToken* AddedTokens::Token(int32_t id) const {
  const auto it = tokens_.find(id);
  return it == tokens_.end() ? nullptr : &it->second;
}

const std::string* AddedTokens::Text(int32_t id) const {
  if (const auto it = texts_.find(id); it != texts_.end()) return &it->second;
  const AddedToken* token = Token(id);
  return token == nullptr ? nullptr : &token->content;
}

}  // namespace koeval::tokenizer
