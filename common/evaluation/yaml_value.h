// YAML files as JSON values, typed as PyYAML types them, with the line of each key.
#pragma once

#include <map>
#include <string>

#include "common/base/json.h"
#include "common/base/status.h"

namespace koeval::evaluation {

struct YamlFile {
  Json value;                        // an object
  std::map<std::string, int> lines;  // of the top-level keys, from 1
  std::string path;

  // "file:line: key", for messages.
  std::string Place(const std::string& key) const;
};

// Reads one YAML document that is a mapping. Plain scalars are typed by YAML 1.1, as PyYAML's
// safe_load does; `!function module.name` becomes the text "name". INVALID_ARGUMENT names file and
// line for syntax errors, duplicate keys, other tags, nesting deeper than 64, and bytes that are
// not UTF-8.
Result<YamlFile> ReadYamlFile(const std::string& path);

// One plain scalar as PyYAML resolves it.
Json ResolveYamlScalar(const std::string& text);

}  // namespace koeval::evaluation
