// Parts of inputs, statuses, scratch folders.
#include "tests/fuzz/fuzz_util.h"

#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <system_error>

#include "common/base/check.h"
#include "common/base/utf8.h"

namespace koeval::fuzz {
namespace {

constexpr std::string_view kSeparator = "\n====\n";

}  // namespace

std::vector<std::string_view> SplitParts(std::string_view input, size_t count) {
  std::vector<std::string_view> parts;
  while (parts.size() + 1 < count) {
    const size_t at = input.find(kSeparator);
    if (at == std::string_view::npos) break;
    parts.push_back(input.substr(0, at));
    input.remove_prefix(at + kSeparator.size());
  }
  parts.push_back(input);
  parts.resize(count);
  return parts;
}

void CheckClearStatus(const Status& status) {
  if (status.ok()) return;
  KOEVAL_CHECK(!status.message().empty(), "a refusal without a message");
  KOEVAL_CHECK(IsValidUtf8(status.message()), status.message().c_str());
  KOEVAL_CHECK(status.code() != Code::kInternal && status.code() != Code::kUnknown,
               status.message().c_str());
}

ScratchFolder::ScratchFolder() {
  std::string pattern = (std::filesystem::temp_directory_path() / "koeval-fuzz-XXXXXX").string();
  KOEVAL_CHECK(mkdtemp(pattern.data()) != nullptr, "no scratch folder; set TMPDIR");
  path_ = pattern;
}

ScratchFolder::~ScratchFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

void ScratchFolder::Write(std::string_view name, std::string_view bytes) const {
  std::ofstream file(std::filesystem::path(path_) / name, std::ios::binary);
  file << bytes;
  file.close();
  KOEVAL_CHECK(file.good(), "cannot write to the scratch folder; is TMPDIR full?");
}

}  // namespace koeval::fuzz
