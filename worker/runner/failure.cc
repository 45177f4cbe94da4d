// Status from and to ending, message and remedy.
#include "worker/runner/failure.h"

#include <fmt/core.h>

#include <optional>
#include <string_view>

namespace koeval::runner {
namespace {

constexpr std::string_view kRemedyMark = "; remedy: ";

Code CodeOf(Ending ending) {
  switch (ending) {
    case Ending::kCancelled:
      return Code::kCancelled;
    case Ending::kModelNotFound:
    case Ending::kNoSafetensors:
      return Code::kNotFound;
    case Ending::kModelGated:
      return Code::kPermissionDenied;
    case Ending::kUnsupportedArchitecture:
      return Code::kUnimplemented;
    case Ending::kBadCheckpoint:
    case Ending::kBadTokenizer:
    case Ending::kTaskInvalid:
      return Code::kInvalidArgument;
    case Ending::kOutOfMemory:
    case Ending::kDiskFull:
      return Code::kResourceExhausted;
    case Ending::kNumericalFault:
      return Code::kDataLoss;
    case Ending::kHubUnavailable:
    case Ending::kRunnerCrashed:
    case Ending::kWorkerLost:
      return Code::kUnavailable;
    case Ending::kNoProgress:
    case Ending::kTimedOut:
      return Code::kDeadlineExceeded;
    case Ending::kFinished:
    case Ending::kInternal:
      return Code::kInternal;
    default:
      return Code::kFailedPrecondition;
  }
}

}  // namespace

Status FailureStatus(const Failure& failure) {
  std::string text = fmt::format("{}: {}", EndingName(failure.ending), failure.message);
  if (!failure.remedy.empty()) text += fmt::format("{}{}", kRemedyMark, failure.remedy);
  return Status(CodeOf(failure.ending), std::move(text));
}

Failure FailureOf(const Status& status, Ending fallback) {
  Failure out{.ending = fallback, .message = status.message(), .remedy = {}};
  const size_t colon = out.message.find(": ");
  if (colon != std::string::npos) {
    if (const auto named = ParseEnding(out.message.substr(0, colon))) {
      out.ending = *named;
      out.message.erase(0, colon + 2);
    }
  }
  const size_t mark = out.message.rfind(kRemedyMark);
  if (mark != std::string::npos) {
    out.remedy = out.message.substr(mark + kRemedyMark.size());
    out.message.erase(mark);
  } else {
    out.remedy = InfoOf(out.ending).submitter_text;
  }
  return out;
}

}  // namespace koeval::runner
