// Fuzz target: templates of task files, rendered over a fixed row. The input is the template.
#include <string>

#include "common/base/check.h"
#include "common/base/utf8.h"
#include "common/evaluation/template.h"
#include "tests/fuzz/fuzz_targets.h"
#include "tests/fuzz/fuzz_util.h"

namespace koeval::fuzz {
namespace {

constexpr size_t kTextBytesMax = size_t{16} << 20;

const Json& Row() {
  static const Json row = {
      {"q", "  왜 하늘은 파란가?\n"},
      {"choices", {{"text", {"a", "b'c", "d\"e'"}}, {"label", {"A", "B", "C"}}}},
      {"answer", "B"},
      {"label", 1},
      {"score", 0.5},
      {"none", nullptr},
      {"yes", true},
      {"list", {3, 1, 2}},
      {"empty", ""}};
  return row;
}

}  // namespace

void FuzzTemplate(std::string_view input) {
  const auto parsed = evaluation::Template::Parse(input);
  CheckClearStatus(parsed.status());
  if (!parsed.ok()) return;
  const auto text = parsed->Render(Row());
  CheckClearStatus(text.status());
  if (!text.ok()) return;
  KOEVAL_CHECK(text->size() <= kTextBytesMax, "the text is bounded");
  KOEVAL_CHECK(IsValidUtf8(*text), "the text is UTF-8");
}

}  // namespace koeval::fuzz
