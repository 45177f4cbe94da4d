// YAML files as JSON values, typed as PyYAML types them, with the line of each key.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/base/json.h"
#include "common/base/status.h"

namespace koeval::evaluation {

struct YamlFile {
  Json value;                        // an object
  std::map<std::string, int> lines;  // of the top-level keys, from 1
  std::string path;
  std::vector<std::string>
      repeated;  // "file:line: key" of nested keys given twice: the last counts

  // "file:line: key", for messages.
  std::string Place(const std::string& key) const;
};

// Reads one YAML document that is a mapping. Plain scalars are typed by YAML 1.1 and merge keys
// (`<<`) are filled in, as PyYAML's safe_load does; `!function module.name` becomes the object
// {"!function": "module.name"}. Of a nested key that is given twice the last counts, as for PyYAML.
// INVALID_ARGUMENT names file and line for syntax errors, a top-level key given twice, other tags,
// nesting deeper than 64, and bytes that are not UTF-8.
Result<YamlFile> ReadYamlFile(const std::string& path);

// The name behind the last point of a `!function`; nothing for any other value.
std::optional<std::string> YamlFunction(const Json& value);

// One plain scalar as PyYAML resolves it.
Json ResolveYamlScalar(const std::string& text);

}  // namespace koeval::evaluation
