// The table behind endings.h: one row for every ending.
#include "common/base/endings.h"

#include <array>
#include <cstddef>

#include "common/base/check.h"

namespace koeval {
namespace {

using enum Ending;

constexpr std::string_view kNothingToDo = "Nothing to do.";
constexpr std::string_view kSuiteOwner =
    "Report it to the operator of this leaderboard: the suite must be repaired.";
constexpr std::string_view kSeeRunnerLog =
    "Look at the worker's log around the time of the attempt.";

constexpr std::array kTable = {
    EndingInfo{kFinished, "FINISHED", false, FaultOf::kNobody, Blame::kNothing, kNothingToDo,
               kNothingToDo},
    EndingInfo{kCancelled, "CANCELLED", false, FaultOf::kNobody, Blame::kNothing,
               "Retry the request if it should run after all.", kNothingToDo},
    EndingInfo{kModelNotFound, "MODEL_NOT_FOUND", false, FaultOf::kSubmitter, Blame::kNothing,
               "Check the model's name and revision, publish it, then retry.", kNothingToDo},
    EndingInfo{kRevisionNotFound, "REVISION_NOT_FOUND", false, FaultOf::kSubmitter, Blame::kNothing,
               "Submit a branch, tag or commit that the repository has.", kNothingToDo},
    EndingInfo{kModelGated, "MODEL_GATED", false, FaultOf::kSubmitter, Blame::kNothing,
               "Make the model public or accept its terms for the leaderboard's account, then "
               "retry.",
               "Give the workers a hub token that may read the model."},
    EndingInfo{kDoNotSubmit, "DO_NOT_SUBMIT", false, FaultOf::kSubmitter, Blame::kNothing,
               "Submit another model; the message gives the reason of this leaderboard.",
               "The list stands in the submission policy."},
    EndingInfo{kLicenseNotOpen, "LICENSE_NOT_OPEN", false, FaultOf::kModel, Blame::kNothing,
               "Name a licence that this leaderboard accepts in the header of README.md.",
               "The accepted licences stand in the submission policy."},
    EndingInfo{kModelCardTooShort, "MODEL_CARD_TOO_SHORT", false, FaultOf::kModel, Blame::kNothing,
               "Describe the model in README.md, then submit again.",
               "The least length stands in the submission policy."},
    EndingInfo{kAdapterNotSupported, "ADAPTER_NOT_SUPPORTED", false, FaultOf::kModel,
               Blame::kNothing,
               "Merge the adapter or delta into its base model, publish the merged weights as a "
               "repository of their own, and submit that.",
               kNothingToDo},
    EndingInfo{kRemoteCodeRequired, "REMOTE_CODE_REQUIRED", false, FaultOf::kModel, Blame::kNothing,
               "Publish the model in an architecture that needs no code of its own, then submit "
               "again.",
               "Code from a model repository is never run here."},
    EndingInfo{kNoSafetensors, "NO_SAFETENSORS", false, FaultOf::kModel, Blame::kNothing,
               "Add safetensors weights to the repository, then retry.", kNothingToDo},
    EndingInfo{kUnsupportedArchitecture, "UNSUPPORTED_ARCHITECTURE", false, FaultOf::kModel,
               Blame::kNothing,
               "Submit a model of a supported architecture; the message names those.",
               "Add the family to the engine if it is wanted."},
    EndingInfo{kBadCheckpoint, "BAD_CHECKPOINT", false, FaultOf::kModel, Blame::kNothing,
               "Repair the file that the message names, upload it, then retry.",
               "Compare the cached file with the repository if other models fail alike."},
    EndingInfo{kBadTokenizer, "BAD_TOKENIZER", false, FaultOf::kModel, Blame::kNothing,
               "Repair the tokenizer file that the message names, upload it, then retry.",
               kNothingToDo},
    EndingInfo{kTaskInvalid, "TASK_INVALID", false, FaultOf::kSuite, Blame::kNothing, kSuiteOwner,
               "Correct the task file that the message names, then retry the request."},
    EndingInfo{kDatasetUnavailable, "DATASET_UNAVAILABLE", false, FaultOf::kOperator,
               Blame::kNothing, "Wait until the operator has restored the dataset.",
               "Restore the dataset that the message names, then retry the request."},
    EndingInfo{kEmptyContinuation, "EMPTY_CONTINUATION", false, FaultOf::kSuite, Blame::kNothing,
               "Check whether the tokenizer drops the text that the message names.",
               "Correct the document that the message names."},
    EndingInfo{kContextTooShort, "CONTEXT_TOO_SHORT", false, FaultOf::kModel, Blame::kNothing,
               "Submit a model with a longer context than the message asks for.", kNothingToDo},
    EndingInfo{kInfeasible, "INFEASIBLE", false, FaultOf::kSubmitter, Blame::kNothing,
               "Change what the message names (smaller model, lower precision or a limit), then "
               "submit again.",
               "Add a slot that is large enough if such models are wanted."},
    EndingInfo{kOutOfMemory, "OUT_OF_MEMORY", true, FaultOf::kNode, Blame::kRequest,
               "Try a lower precision or a smaller model.",
               "Offer a slot with more memory, or find what else uses it on that node."},
    EndingInfo{kNumericalFault, "NUMERICAL_FAULT", true, FaultOf::kModel, Blame::kBatch,
               "The model yields NaN or infinite logits: try float32 or repair its weights.",
               "If one node alone reports it, drain the node and test its device."},
    EndingInfo{kRunnerCrashed, "RUNNER_CRASHED", true, FaultOf::kNode, Blame::kBatch,
               "Reproduce it with `koeval eval`, then report it to the operator.", kSeeRunnerLog},
    EndingInfo{kNoProgress, "NO_PROGRESS", true, FaultOf::kNode, Blame::kBatch,
               "Reproduce it with `koeval eval`, then report it to the operator.", kSeeRunnerLog},
    EndingInfo{kTimedOut, "TIMED_OUT", false, FaultOf::kSubmitter, Blame::kNothing,
               "Submit again with a longer time limit or with --limit.",
               "Raise the default time limit, or add workers."},
    EndingInfo{kPlanMismatch, "PLAN_MISMATCH", true, FaultOf::kNode, Blame::kBatch,
               "Report it to the operator; the request itself is sound.",
               "Compare the versions and files of the worker that the message names; drain it."},
    EndingInfo{kWorkerLost, "WORKER_LOST", true, FaultOf::kNode, Blame::kBatch,
               "Retry the request; if it is lost again, report it to the operator.",
               "Look at the node that the message names: power, network, kernel log."},
    EndingInfo{kDiskFull, "DISK_FULL", true, FaultOf::kNode, Blame::kRequest,
               "Wait until the operator has made room.",
               "Make room for the model cache of the node that the message names."},
    EndingInfo{kHubUnavailable, "HUB_UNAVAILABLE", true, FaultOf::kOperator, Blame::kRequest,
               "Retry the request once the model hub answers again.",
               "Check that the node reaches the hub that its configuration names, and the hub's "
               "own state."},
    EndingInfo{kHandedBack, "HANDED_BACK", true, FaultOf::kNobody, Blame::kNothing, kNothingToDo,
               kNothingToDo},
    EndingInfo{kInternal, "INTERNAL", true, FaultOf::kNode, Blame::kBatch,
               "Report it to the operator with the request's id.", kSeeRunnerLog},
};

constexpr bool TableIsInOrder() {
  for (size_t i = 0; i < kTable.size(); ++i) {
    if (kTable[i].ending != static_cast<Ending>(i)) return false;
  }
  return kTable.size() == static_cast<size_t>(kInternal) + 1;
}
static_assert(TableIsInOrder(), "one row for each ending, in the order of the enumeration");

}  // namespace

std::span<const EndingInfo> AllEndings() {
  return kTable;
}

const EndingInfo& InfoOf(Ending ending) {
  const auto index = static_cast<size_t>(ending);
  KOEVAL_CHECK(index < kTable.size(), "an ending outside the enumeration");
  return kTable[index];
}

std::string_view EndingName(Ending ending) {
  return InfoOf(ending).name;
}

std::optional<Ending> ParseEnding(std::string_view name) {
  for (const EndingInfo& info : kTable) {
    if (info.name == name) return info.ending;
  }
  return std::nullopt;
}

std::string_view FaultName(FaultOf fault) {
  constexpr std::array kNames = {"nobody", "model", "suite", "submitter", "node", "operator"};
  const auto index = static_cast<size_t>(fault);
  KOEVAL_CHECK(index < kNames.size(), "a fault outside the enumeration");
  return std::string_view(kNames[index]);
}

}  // namespace koeval
