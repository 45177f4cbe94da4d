// Merges tokenizer_config.json, special_tokens_map.json and added_tokens.json.
//
// Source of the order and of who wins: transformers 5.23, PreTrainedTokenizerBase._from_pretrained
// and TokenizersBackend.__init__; generation 4 agrees in what decides ids.
#include "common/tokenizer/special_tokens.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <set>

#include "common/tokenizer/fields.h"

namespace koeval::tokenizer {
namespace {

constexpr std::array<std::string_view, 7> kAttributes = {
    "bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"};
constexpr std::string_view kConfigFile = "tokenizer_config.json";
constexpr std::string_view kMapFile = "special_tokens_map.json";
constexpr size_t kTokensMax = 100'000;  // of one list of added tokens

bool IsAttribute(std::string_view key) {
  return std::find(kAttributes.begin(), kAttributes.end(), key) != kAttributes.end();
}

AddedToken PlainSpecial(std::string_view content) {
  AddedToken token;
  token.content = content;
  token.special = true;
  return token;
}

// A token as text or object.
Result<AddedToken> ReadToken(const Json& value, const std::string& where) {
  if (value.is_string()) return PlainSpecial(value.get_ref<const std::string&>());
  if (value.is_object()) {
    ASSIGN_OR_RETURN(AddedToken token, ReadAddedToken(value, where));
    token.special = true;
    if (JsonFind(value, "normalized") == nullptr) token.normalized = false;
    return token;
  }
  return InvalidArgument(fmt::format("{}: must be a token as text or object", where));
}

// Tokens by attribute, in the order in which the files name them.
class NamedTokens {
 public:
  using Entry = std::pair<std::string, std::optional<AddedToken>>;

  bool Has(std::string_view attribute) const { return places_.count(attribute) > 0; }
  std::optional<AddedToken>& operator[](std::string_view attribute) {
    const auto [it, is_new] = places_.try_emplace(std::string(attribute), entries_.size());
    if (is_new) entries_.emplace_back(attribute, std::nullopt);
    return entries_[it->second].second;
  }
  const std::vector<Entry>& entries() const { return entries_; }

 private:
  std::vector<Entry> entries_;
  std::map<std::string, size_t, std::less<>> places_;
};

// What the files name so far. A later file overwrites named tokens.
struct Merged {
  NamedTokens named;
  // extra_special_tokens, which additional_special_tokens of the same file stands in for.
  std::optional<std::vector<AddedToken>> extra;
  // additional_special_tokens of special_tokens_map.json: in generation 5 it counts only when the
  // list above is not there, in generation 4 it follows that list.
  std::optional<std::vector<AddedToken>> fallback;
};

Result<std::vector<AddedToken>> ReadTokenList(const Json& list, const std::string& where) {
  if (!list.is_array() || list.size() > kTokensMax) {
    return InvalidArgument(
        fmt::format("{}: must be a list of at most {} tokens", where, kTokensMax));
  }
  std::vector<AddedToken> out;
  for (size_t i = 0; i < list.size(); ++i) {
    ASSIGN_OR_RETURN(AddedToken token, ReadToken(list[i], fmt::format("{}[{}]", where, i)));
    out.push_back(std::move(token));
  }
  return out;
}

// The lists of one file.
Status ReadLists(const Json& object, std::string_view file, Merged& merged) {
  const auto where = [&](std::string_view key) {
    return fmt::format("{}: field \"{}\"", file, key);
  };
  constexpr std::string_view kExtra = "extra_special_tokens";
  constexpr std::string_view kAdditional = "additional_special_tokens";
  if (const Json* extra = JsonFind(object, kExtra); extra != nullptr && extra->is_array()) {
    ASSIGN_OR_RETURN(auto tokens, ReadTokenList(*extra, where(kExtra)));
    if (!merged.extra) merged.extra.emplace();
    merged.extra->insert(merged.extra->end(), tokens.begin(), tokens.end());
  } else if (extra != nullptr && extra->is_object()) {
    for (const auto& [name, token] : extra->get_ref<const Json::object_t&>()) {
      ASSIGN_OR_RETURN(merged.named[name], ReadToken(token, where(kExtra)));
    }
  }
  const Json* additional = JsonFind(object, kAdditional);
  if (additional == nullptr) return OkStatus();
  ASSIGN_OR_RETURN(auto tokens, ReadTokenList(*additional, where(kAdditional)));
  const bool stands_in = file == kConfigFile && (!merged.extra || merged.extra->empty());
  if (stands_in) {
    merged.extra = std::move(tokens);
  } else {
    merged.fallback = std::move(tokens);
  }
  return OkStatus();
}

// The members of one file that name tokens, and its lists.
Status ReadNamed(const Json& object, std::string_view file, Merged& merged) {
  if (object.is_null()) return OkStatus();
  for (const auto& [key, value] : object.get_ref<const Json::object_t&>()) {
    const bool own = key.ends_with("_token") && (value.is_string() || value.is_object());
    if (!IsAttribute(key) && !own) continue;
    merged.named[key].reset();
    if (value.is_null()) continue;
    ASSIGN_OR_RETURN(merged.named[key],
                     ReadToken(value, fmt::format("{}: field \"{}\"", file, key)));
  }
  return ReadLists(object, file, merged);
}

// added_tokens_decoder: {"id": {token}, ...}.
Status ReadTokensById(const Json& object, std::map<int64_t, AddedToken>& out) {
  const std::string where = fmt::format("{}: added_tokens_decoder", kConfigFile);
  if (!object.is_object() || object.size() > kTokensMax) {
    return InvalidArgument(
        fmt::format("{} must be an object of at most {} tokens", where, kTokensMax));
  }
  for (const auto& [key, value] : object.get_ref<const Json::object_t&>()) {
    int64_t id = 0;
    const auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), id);
    if (error != std::errc() || end != key.data() + key.size() || id < 0 || id >= kIdEnd) {
      return InvalidArgument(
          fmt::format("{}: \"{}\" is no token id in 0..{}", where, key, kIdEnd - 1));
    }
    ASSIGN_OR_RETURN(out[id], ReadAddedToken(value, fmt::format("{}[{}]", where, key)));
  }
  return OkStatus();
}

// added_tokens.json: {"token": id, ...}; a token is special when some attribute or list names it.
Status ReadAddedTokensFile(const Json& object, const Merged& merged, Generation generation,
                           std::map<int64_t, AddedToken>& out) {
  if (object.is_null()) return OkStatus();
  constexpr std::string_view kFile = "added_tokens.json";
  if (!object.is_object() || object.size() > kTokensMax) {
    return InvalidArgument(
        fmt::format("{}: must be an object of at most {} tokens", kFile, kTokensMax));
  }
  std::set<std::string> special;
  for (const auto& [attribute, token] : merged.named.entries()) {
    if (token && IsAttribute(attribute)) special.insert(token->content);
  }
  for (const auto* list : {&merged.extra, &merged.fallback}) {
    if (!*list || (list == &merged.fallback && generation == Generation::k5)) continue;
    for (const AddedToken& token : **list) special.insert(token.content);
  }
  for (const auto& [content, value] : object.get_ref<const Json::object_t&>()) {
    ASSIGN_OR_RETURN(const int32_t id, ReadId(value, fmt::format("{}: \"{}\"", kFile, content)));
    AddedToken token;
    token.content = content;
    token.special = special.count(content) > 0;
    token.normalized = !token.special;
    out[id] = std::move(token);
  }
  return OkStatus();
}

}  // namespace

std::optional<std::string> SpecialTokens::Content(std::string_view attribute) const {
  const auto it = std::find_if(named.begin(), named.end(),
                               [&](const auto& entry) { return entry.first == attribute; });
  if (it == named.end()) return std::nullopt;
  return it->second.content;
}

Result<std::vector<std::pair<int64_t, AddedToken>>> ReadAddedTokenList(const Json& tokenizer) {
  std::vector<std::pair<int64_t, AddedToken>> out;
  const Json* list = JsonFind(tokenizer, "added_tokens");
  if (list == nullptr) return out;
  if (!list->is_array() || list->size() > kTokensMax) {
    return InvalidArgument(fmt::format(
        "tokenizer.json: field \"added_tokens\" must be a list of at most {} tokens", kTokensMax));
  }
  for (size_t i = 0; i < list->size(); ++i) {
    const std::string where = fmt::format("tokenizer.json: added_tokens[{}]", i);
    ASSIGN_OR_RETURN(AddedToken token, ReadAddedToken((*list)[i], where));
    ASSIGN_OR_RETURN(const int64_t id, BoundedInt((*list)[i], "id", kIdEnd - 1, where));
    out.emplace_back(id, std::move(token));
  }
  return out;
}

Result<SpecialTokens> ReadSpecialTokens(const RepositoryFiles& files, const TokenDefaults& defaults,
                                        Generation generation) {
  Merged merged;
  std::map<int64_t, AddedToken> by_id;
  RETURN_IF_ERROR(ReadNamed(files.config, kConfigFile, merged));
  if (const Json* decoder = JsonFind(files.config, "added_tokens_decoder"); decoder != nullptr) {
    RETURN_IF_ERROR(ReadTokensById(*decoder, by_id));
  } else {
    RETURN_IF_ERROR(ReadNamed(files.special_tokens, kMapFile, merged));
    RETURN_IF_ERROR(ReadAddedTokensFile(files.added_tokens, merged, generation, by_id));
    ASSIGN_OR_RETURN(const auto list, ReadAddedTokenList(files.tokenizer));
    for (const auto& [id, token] : list) by_id[id] = token;
  }
  SpecialTokens out;
  const bool is_5 = generation == Generation::k5;
  if (is_5) {
    if (merged.extra || merged.fallback)
      out.extra = merged.extra ? *merged.extra : *merged.fallback;
  } else {
    if (merged.extra) out.extra = *merged.extra;
    if (merged.fallback) {
      out.extra.insert(out.extra.end(), merged.fallback->begin(), merged.fallback->end());
    }
  }
  NamedTokens& named = merged.named;
  for (const auto& [attribute, content] : defaults) {
    if (!named.Has(attribute)) named[attribute] = PlainSpecial(content);
  }
  std::map<std::string_view, const AddedToken*> by_content;
  for (const auto& [id, token] : by_id) {
    out.listed.push_back(token);
    by_content[token.content] = &token;
  }
  std::set<std::string_view> done;
  const auto put = [&](std::string_view attribute) {
    if (!named.Has(attribute) || !done.insert(attribute).second) return;
    const std::optional<AddedToken>& token = named[attribute];
    if (!token) return;
    const auto listed = by_content.find(token->content);
    out.named.emplace_back(attribute, listed == by_content.end() ? *token : *listed->second);
  };
  for (std::string_view attribute : kAttributes) put(attribute);
  if (!is_5) return out;
  // Those of the model's own: first the class's, then the files' in their order.
  for (const auto& [attribute, content] : defaults) put(attribute);
  for (const auto& [attribute, token] : named.entries()) put(attribute);
  return out;
}

Status AddSpecialTokens(const SpecialTokens& special, const Model& model, Generation generation,
                        AddedTokens& tokens) {
  std::set<std::string> known;
  for (const auto& [id, token] : tokens.tokens()) known.insert(token.content);
  std::set<std::string> names;
  if (generation == Generation::k5) {
    for (const auto& [attribute, token] : special.named) names.insert(token.content);
  }
  std::vector<AddedToken> missing;
  for (const AddedToken& token : special.listed) {
    const auto id = tokens.Id(token.content);
    if (id && *tokens.Token(*id) == token) continue;
    missing.push_back(token);
    known.insert(token.content);
  }
  const auto add_unknown = [&](const AddedToken& token) {
    if (known.insert(token.content).second) missing.push_back(token);
  };
  for (const auto& [attribute, token] : special.named) add_unknown(token);
  for (const AddedToken& token : special.extra) add_unknown(token);
  for (AddedToken& token : missing) {
    if (names.count(token.content) > 0) token.special = true;
    RETURN_IF_ERROR(tokens.Add(token, model));
  }
  return OkStatus();
}

}  // namespace koeval::tokenizer
