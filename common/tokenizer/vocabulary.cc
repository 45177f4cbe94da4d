// The two directions of a vocabulary; the texts are stored once.
#include "common/tokenizer/vocabulary.h"

#include <fmt/core.h>

#include <utility>

#include "common/tokenizer/fields.h"

namespace koeval::tokenizer {

Result<Vocabulary> Vocabulary::FromObject(const Json& object, std::string_view where) {
  if (!object.is_object()) {
    return InvalidArgument(fmt::format("{}: must be an object of tokens and ids", where));
  }
  Vocabulary out;
  out.ids_.reserve(object.size());
  for (const auto& [token, id] : object.get_ref<const Json::object_t&>()) {
    const auto read = ReadId(id, where);
    if (!read.ok()) return read.status().WithContext(fmt::format("token \"{}\"", token));
    RETURN_IF_ERROR(out.Add(token, *read, where));
  }
  return out;
}

Status Vocabulary::Add(std::string token, int32_t id, std::string_view where) {
  const auto slot = static_cast<size_t>(id);
  if (slot < tokens_.size() && tokens_[slot] != nullptr) {
    return InvalidArgument(fmt::format("{}: the id {} has two tokens, \"{}\" and \"{}\"", where, id,
                                       *tokens_[slot], token));
  }
  const auto [it, is_new] = ids_.emplace(std::move(token), id);
  if (!is_new) {
    return InvalidArgument(fmt::format("{}: the token \"{}\" has two ids, {} and {}", where,
                                       it->first, it->second, id));
  }
  if (slot >= tokens_.size()) tokens_.resize(slot + 1, nullptr);
  tokens_[slot] = &it->first;
  return OkStatus();
}

std::optional<int32_t> Vocabulary::Find(std::string_view token) const {
  const auto it = ids_.find(token);
  if (it == ids_.end()) return std::nullopt;
  return it->second;
}

const std::string* Vocabulary::Token(int32_t id) const {
  if (id < 0 || id >= id_end()) return nullptr;
  return tokens_[static_cast<size_t>(id)];
}

}  // namespace koeval::tokenizer
