// mkdtemp, and removal of everything below.
#include "tests/scheduler/store/temp_folder.h"

#include <cstdlib>
#include <filesystem>

#include "common/base/check.h"

namespace koeval::store {

TempFolder::TempFolder() {
  std::string name = (std::filesystem::temp_directory_path() / "koeval-store-XXXXXX").string();
  KOEVAL_CHECK(::mkdtemp(name.data()) != nullptr, "mkdtemp");
  path_ = name;
}

TempFolder::~TempFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace koeval::store
