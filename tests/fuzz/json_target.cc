// Fuzz target: the JSON reader and its two writers. The input is the text.
#include <string>

#include "common/base/check.h"
#include "common/base/json.h"
#include "common/base/utf8.h"
#include "tests/fuzz/fuzz_targets.h"
#include "tests/fuzz/fuzz_util.h"

namespace koeval::fuzz {

void FuzzJson(std::string_view input) {
  const auto json = ParseJson(input);
  CheckClearStatus(json.status());
  if (!json.ok()) return;
  const std::string compact = CompactJson(*json);
  KOEVAL_CHECK(IsValidUtf8(compact), "what is written is UTF-8");
  const auto again = ParseJson(compact);
  KOEVAL_CHECK(again.ok(), again.status().message().c_str());
  KOEVAL_CHECK(CompactJson(*again) == compact, "writing and reading is stable");
  for (const bool ensure_ascii : {false, true}) {
    const std::string python =
        PythonJsonDumps(*json, {.ensure_ascii = ensure_ascii, .sort_keys = false, .indent = -1});
    const auto back = ParseJson(python);
    KOEVAL_CHECK(back.ok(), back.status().message().c_str());
    KOEVAL_CHECK(CompactJson(*back) == compact, "Python's form says the same");
  }
  PythonJsonDumps(*json, {.ensure_ascii = true, .sort_keys = true, .indent = 2});
}

}  // namespace koeval::fuzz
