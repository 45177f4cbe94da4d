// The members that each component has in the file.
#include "common/tokenizer/components.h"

#include <string>
#include <utility>

namespace koeval::tokenizer {

Json TypedComponent(std::string_view type) {
  Json out = Json::object();
  out["type"] = type;
  return out;
}

Json ReplaceComponent(std::string_view from, std::string_view to) {
  Json out = TypedComponent("Replace");
  out["pattern"]["String"] = from;
  out["content"] = to;
  return out;
}

Json SplitComponent(std::string_view kind, std::string_view pattern, std::string_view behavior) {
  Json out = TypedComponent("Split");
  out["pattern"][std::string(kind)] = pattern;
  out["behavior"] = behavior;
  out["invert"] = false;
  return out;
}

Json ByteLevelComponent(bool add_prefix_space, bool use_regex) {
  Json out = TypedComponent("ByteLevel");
  out["add_prefix_space"] = add_prefix_space;
  out["trim_offsets"] = true;
  out["use_regex"] = use_regex;
  return out;
}

Json StripComponent(std::string_view content, int64_t start, int64_t stop) {
  Json out = TypedComponent("Strip");
  out["content"] = content;
  out["start"] = start;
  out["stop"] = stop;
  return out;
}

Json SequenceComponent(std::string_view key, std::vector<Json> members) {
  Json out = TypedComponent("Sequence");
  Json& list = out[std::string(key)];
  list = Json::array();
  for (Json& member : members) list.push_back(std::move(member));
  return out;
}

}  // namespace koeval::tokenizer
