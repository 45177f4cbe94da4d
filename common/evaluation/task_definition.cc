// Definitions: includes, and typed look-ups.
#include "common/evaluation/task_definition.h"

#include <fmt/core.h>

#include <filesystem>

namespace koeval::evaluation {
namespace {

namespace fs = std::filesystem;

constexpr int kIncludesMax = 16;       // deep
constexpr int kMergedFilesMax = 1000;  // in all, repetitions counted

}  // namespace

std::string Definition::Place(const std::string& key) const {
  const auto place = places.find(key);
  return fmt::format("{}: {}", place == places.end() ? path : place->second, key);
}

Result<const YamlFile*> DefinitionReader::ReadFileOnce(const std::string& path) {
  const auto known = files_.find(path);
  if (known != files_.end()) return &known->second;
  ASSIGN_OR_RETURN(YamlFile file, ReadYamlFile(path));
  return &files_.emplace(path, std::move(file)).first->second;
}

Result<Definition> DefinitionReader::Read(const std::string& path) {
  merged_files_ = 0;
  return ReadNested(path, kIncludesMax);
}

Result<Definition> DefinitionReader::ReadNested(const std::string& path, int includes_left) {
  if (includes_left == 0) {
    return InvalidArgument(fmt::format("{}: more than {} includes", path, kIncludesMax));
  }
  if (++merged_files_ > kMergedFilesMax) {
    return InvalidArgument(
        fmt::format("{}: its includes lead to more than {} files in all; include "
                    "each file once",
                    path, kMergedFilesMax));
  }
  ASSIGN_OR_RETURN(const YamlFile* file, ReadFileOnce(path));
  Definition out;
  out.path = path;
  out.merged = Json::object();
  if (const Json* include = JsonFind(file->value, "include")) {
    const Json list = include->is_array() ? *include : Json::array({*include});
    for (const Json& name : list) {
      if (!name.is_string()) {
        return InvalidArgument(file->Place("include") + ": must be the path of a file");
      }
      const fs::path included = fs::path(path).parent_path() / name.get<std::string>();
      ASSIGN_OR_RETURN(const Definition base, ReadNested(included.string(), includes_left - 1));
      for (const auto& [key, value] : base.merged.items()) out.merged[key] = value;
      for (const auto& [key, place] : base.places) out.places[key] = place;
      out.notes.insert(out.notes.end(), base.notes.begin(), base.notes.end());
    }
  }
  for (const auto& [key, value] : file->value.items()) {
    if (key == "include") continue;
    out.merged[key] = value;
    const auto line = file->lines.find(key);
    out.places[key] = fmt::format("{}:{}", path, line == file->lines.end() ? 1 : line->second);
  }
  for (const std::string& key : file->repeated) {
    out.notes.push_back(key + ": is given twice; the last counts");
  }
  return out;
}

std::string DefinitionView::Text(const char* key, std::string fallback) {
  const Json* value = Find(key);
  if (value == nullptr) return fallback;
  if (value->is_string()) return value->get<std::string>();
  Fail(key, "must be text");
  return fallback;
}

std::string DefinitionView::Name(const char* key) {
  const Json* value = Find(key);
  if (value == nullptr) return "";
  if (const auto function = YamlFunction(*value)) return *function;
  return Text(key);
}

Json DefinitionView::Any(const char* key) const {
  const Json* value = Find(key);
  return value == nullptr ? Json(nullptr) : *value;
}

std::optional<int64_t> DefinitionView::Int(const char* key) {
  const Json* value = Find(key);
  if (value == nullptr) return std::nullopt;
  if (value->is_number_integer() && value->get<int64_t>() >= 0) return value->get<int64_t>();
  Fail(key, "must be a whole number that is not negative");
  return std::nullopt;
}

void DefinitionView::Fail(const std::string& key, const std::string& what) {
  if (status_.ok()) status_ = InvalidArgument(d_.Place(key) + ": " + what);
}

Json WithPlainFunctions(const Json& value) {
  if (const auto function = YamlFunction(value)) return *function;
  if (!value.is_structured()) return value;
  Json out = value.is_array() ? Json::array() : Json::object();
  for (const auto& [key, member] : value.items()) {
    if (value.is_array()) {
      out.push_back(WithPlainFunctions(member));
    } else {
      out[key] = WithPlainFunctions(member);
    }
  }
  return out;
}

}  // namespace koeval::evaluation
