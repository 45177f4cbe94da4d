// The closed list of how an attempt at a request ends, and what each ending means for whom.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace koeval {

enum class Ending {
  kFinished,
  kCancelled,
  kModelNotFound,
  kRevisionNotFound,
  kModelGated,
  kDoNotSubmit,
  kLicenseNotOpen,
  kModelCardTooShort,
  kAdapterNotSupported,
  kRemoteCodeRequired,
  kNoSafetensors,
  kUnsupportedArchitecture,
  kBadCheckpoint,
  kBadTokenizer,
  kTaskInvalid,
  kDatasetUnavailable,
  kEmptyContinuation,
  kContextTooShort,
  kInfeasible,
  kOutOfMemory,
  kNumericalFault,
  kRunnerCrashed,
  kNoProgress,
  kTimedOut,
  kPlanMismatch,
  kWorkerLost,
  kDiskFull,
  kHubUnavailable,
  kHandedBack,
  kInternal,
};

enum class FaultOf { kNobody, kModel, kSuite, kSubmitter, kNode, kOperator };

// What a counted fault is held against, so that three of them fail the request.
enum class Blame {
  kNothing,  // never counted
  kBatch,    // the batch that was in flight
  kRequest,  // the request as a whole: no slot of that worker can run it
};

struct EndingInfo {
  Ending ending;
  std::string_view name;  // "OUT_OF_MEMORY"
  bool retryable;         // the scheduler tries again by itself, elsewhere where it can
  FaultOf fault;
  Blame blame;
  std::string_view submitter_text;  // what the submitter can do, one sentence
  std::string_view operator_text;   // what the operator can do, one sentence
};

// One entry for every ending, in the order of the enumeration.
std::span<const EndingInfo> AllEndings();
const EndingInfo& InfoOf(Ending ending);
std::string_view EndingName(Ending ending);
// Nothing for a name that is not on the list.
std::optional<Ending> ParseEnding(std::string_view name);
// "nobody", "model", "suite", "submitter", "node", "operator".
std::string_view FaultName(FaultOf fault);

}  // namespace koeval
