// Where the real datasets are, for the tests that need them.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>

#include "common/base/status.h"

namespace koeval {

// The path of `name` in the folder that KOEVAL_TEST_DATA names. NOT_FOUND, with the reason for
// which a test skips, where there is none.
inline Result<std::string> TestData(const std::string& name) {
  const char* data = std::getenv("KOEVAL_TEST_DATA");
  if (data == nullptr) return NotFound("KOEVAL_TEST_DATA is not set");
  std::string path = std::string(data) + "/" + name;
  if (!std::filesystem::exists(path)) return NotFound("no folder " + name + " in KOEVAL_TEST_DATA");
  return path;
}

}  // namespace koeval
