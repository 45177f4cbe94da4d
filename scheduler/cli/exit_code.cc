// Which Status ends with which exit code.
#include "scheduler/cli/exit_code.h"

namespace koeval::cli {

int ExitCodeOf(const Status& status) {
  switch (status.code()) {
    case Code::kOk:
      return kExitDone;
    case Code::kInvalidArgument:
    case Code::kOutOfRange:
      return kExitUsage;
    case Code::kUnavailable:
    case Code::kDeadlineExceeded:
    case Code::kResourceExhausted:
    case Code::kCancelled:
      return kExitUnavailable;
    case Code::kPermissionDenied:
    case Code::kUnauthenticated:
    case Code::kFailedPrecondition:
    case Code::kAlreadyExists:
    case Code::kAborted:
      return kExitRefused;
    case Code::kUnknown:
    case Code::kNotFound:
    case Code::kUnimplemented:
    case Code::kInternal:
    case Code::kDataLoss:
      return kExitFailed;
  }
  return kExitFailed;
}

}  // namespace koeval::cli
