// A repository that passes every check, made of a stored model, to be damaged by tests.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>

#include "common/base/check.h"
#include "common/base/file.h"
#include "tests/common/hub/memory_repository.h"

namespace koeval::hub {

inline std::string GoodReadme() {
  std::string text =
      "---\nlicense: apache-2.0\nlanguage: ko\nbase_model: org/base\ntags: [merge]\n---\n";
  while (text.size() < 400) text += "A small model for tests of submission checks. ";
  return text;
}

// tests/golden/models/llama with a model card.
inline RepositoryFiles GoodFiles() {
  RepositoryFiles files;
  const std::string folder =
      std::string(std::getenv("KOEVAL_SOURCE_DIR")) + "/tests/golden/models/llama";
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    auto bytes = ReadFile(entry.path().string());
    KOEVAL_CHECK(bytes.ok(), bytes.status().message().c_str());
    files[entry.path().filename().string()] = *std::move(bytes);
  }
  files["README.md"] = GoodReadme();
  files[".gitattributes"] = "*.safetensors filter=lfs\n";
  return files;
}

}  // namespace koeval::hub
