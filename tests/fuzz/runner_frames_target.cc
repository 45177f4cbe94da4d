// Fuzz target: frames of the runner protocol, in both directions. The input is one line without its
// newline.
#include <string>

#include "common/base/check.h"
#include "tests/fuzz/fuzz_targets.h"
#include "tests/fuzz/fuzz_util.h"
#include "worker/runner/messages.h"

namespace koeval::fuzz {
namespace {

// An accepted frame is one line of text, and that line says the same again.
template <typename Frame>
void RunFrame(const Result<Frame>& frame, Result<Frame> (*parse)(std::string_view)) {
  CheckClearStatus(frame.status());
  if (!frame.ok()) return;
  const std::string text = runner::FormatFrame(*frame);
  KOEVAL_CHECK(!text.empty() && text.find('\n') == text.size() - 1, "a frame is one line");
  const auto again = parse(std::string_view(text).substr(0, text.size() - 1));
  KOEVAL_CHECK(again.ok(), again.status().message().c_str());
  KOEVAL_CHECK(runner::FormatFrame(*again) == text, "writing and reading is stable");
}

}  // namespace

void FuzzRunnerFrames(std::string_view input) {
  RunFrame(runner::ParseParentFrame(input), &runner::ParseParentFrame);
  RunFrame(runner::ParseRunnerFrame(input), &runner::ParseRunnerFrame);
}

}  // namespace koeval::fuzz
