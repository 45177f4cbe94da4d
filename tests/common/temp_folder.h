// A folder of one test, gone with it: tests that run at once never share one.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>
#include <system_error>

#include "common/base/check.h"

namespace koeval {

class TempFolder {
 public:
  TempFolder() : path_((std::filesystem::temp_directory_path() / "koeval-test-XXXXXX").string()) {
    KOEVAL_CHECK(::mkdtemp(path_.data()) != nullptr, "mkdtemp");
  }
  ~TempFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;

  const std::string& path() const { return path_; }
  // The path of `name` in it.
  std::string File(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

}  // namespace koeval
