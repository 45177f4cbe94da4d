// The text of a task or group: a YAML file with its includes, and typed look-ups in it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/base/json.h"
#include "common/base/status.h"
#include "common/evaluation/yaml_value.h"

namespace koeval::evaluation {

// Key -> value after includes: the file's own keys win.
struct Definition {
  std::string path;
  Json merged;                                // an object
  std::map<std::string, std::string> places;  // "file:line" of each key
  std::vector<std::string> notes;  // what counts for nothing, for `koeval tasks validate`

  // "file:line: key", for messages.
  std::string Place(const std::string& key) const;
};

// Reads definitions; a file that many include is read once. One thread.
class DefinitionReader {
 public:
  // The file at `path` with its includes. INVALID_ARGUMENT names file, line and key for what is no
  // YAML and for an include that leads back, too deep or to too many; NOT_FOUND for a file that is
  // not there.
  Result<Definition> Read(const std::string& path);

 private:
  Result<Definition> ReadNested(const std::string& path, int includes_left);
  Result<const YamlFile*> ReadFileOnce(const std::string& path);

  std::map<std::string, YamlFile> files_;
  int merged_files_ = 0;  // of the definition that is being read, repetitions counted
};

// Every key of a task: known (a misspelt one names the nearest), and none whose meaning would need
// Python. UNIMPLEMENTED names the key and what to do instead. Adds notes for keys without effect.
Status CheckTaskKeys(Definition& definition);

// `!function` may stand only where a built-in of that name is looked up: process_docs,
// process_results, an aggregation. UNIMPLEMENTED names the key and the remedy.
Status CheckFunctions(const Definition& definition);

// Typed look-ups in a definition; the first error sticks.
class DefinitionView {
 public:
  explicit DefinitionView(const Definition& definition) : d_(definition) {}

  // nullptr: absent or null.
  const Json* Find(const char* key) const { return JsonFind(d_.merged, key); }
  std::string Text(const char* key, std::string fallback = "");
  // A name, or the name of a `!function`.
  std::string Name(const char* key);
  Json Any(const char* key) const;
  std::optional<int64_t> Int(const char* key);
  void Fail(const std::string& key, const std::string& what);
  const Status& status() const { return status_; }

 private:
  const Definition& d_;
  Status status_;
};

// `value` with each `!function` as its plain name: what result files show.
Json WithPlainFunctions(const Json& value);

}  // namespace koeval::evaluation
