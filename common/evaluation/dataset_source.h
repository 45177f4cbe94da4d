// Where the rows of datasets that tasks name are looked for.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <utility>

namespace koeval::evaluation {

// A registered dataset, as results name it: under which name, and which version.
struct DatasetOrigin {
  std::string name;
  std::string digest;  // SHA-256, hex
};

struct RegisteredDataset {
  DatasetOrigin origin;
  std::string folder;  // <dataset_name>/<split>.jsonl, or <split>.jsonl without dataset_name
};

// First the registered datasets, then the folder. A name that is registered is looked for nowhere
// else.
struct DatasetSources {
  DatasetSources() = default;
  // NOLINTNEXTLINE(google-explicit-constructor): most callers have a folder alone
  DatasetSources(std::string datasets_dir) : folder(std::move(datasets_dir)) {}
  // NOLINTNEXTLINE(google-explicit-constructor): same
  DatasetSources(const char* datasets_dir) : folder(datasets_dir) {}

  // The dataset of a name (a task's dataset_path), or nothing; may be empty. Any thread.
  std::function<std::optional<RegisteredDataset>(const std::string& name)> registered;
  std::string folder;  // <dataset_path>/<dataset_name>/<split>.jsonl; "" = nowhere
};

}  // namespace koeval::evaluation
