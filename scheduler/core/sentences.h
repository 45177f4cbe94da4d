// Every sentence about a request that the core says to people, in one table, so that pages can say
// them in other languages and keep what they name.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace koeval::core {

enum class Sentence {
  // Why it waits, or how far it is.
  kChecksWait,
  kChecksRun,
  kHubSilent,
  kDispatchPaused,
  kNoWorker,
  kNoWorkerOfClass,
  kTooLargeForSlots,
  kWaitsForSlot,
  kWaitsForLargeSlot,
  kPlanRuns,
  kBatchesRun,
  kScoreRuns,
  // What would become of a submission.
  kWouldWaitPaused,
  kWouldWaitForWorker,
  kWouldStart,
  kWouldWaitForSlot,
  // Why an attempt or the request ended.
  kLargestSlot,
  kPlanTasks,
  kPlanBatches,
  kPlanWithoutDigest,
  kPlanNegative,
  kPlanEmpty,
  kPlanNotAsked,
  kBadBatch,
  kOtherPlan,
  kRanOnOtherClass,
  kEndedUnfinished,
  kEndedAs,
  kNoHeartbeat,
  kNotBackAfterRestart,
  kBackWithout,
  kTimeLimit,
  kNoSlotToGoOn,
  kClassGone,
  kCancelledBy,
  kChecksSilent,
  kScoreSilent,
  // Around the reason of somebody else.
  kFailedAlike,
  kAskedTimes,
  kWorkerSays,
  // What to do.
  kUseBfloat16,
  kUseSmallerModel,
  kUseLimit,
  kRetryOrAsk,
};

struct SentenceInfo {
  Sentence sentence;
  std::string_view text;  // {} stands for each value
};

// One entry for every sentence, in the order of the enumeration.
std::span<const SentenceInfo> AllSentences();
std::string_view TextOf(Sentence sentence);

// The sentence with its values. REQUIRES: as many as it has places for.
std::string Say(Sentence sentence, std::initializer_list<std::string> values = {});
inline std::string Number(int64_t value) {
  return std::to_string(value);
}
// What follows the word "request" behind a number: " is" or "s are".
inline std::string VerbFor(int64_t count) {
  return count == 1 ? " is" : "s are";
}

// Which sentence a text is, and with which values; nothing for a text that is none.
struct Said {
  Sentence sentence;
  std::vector<std::string> values;
};
std::optional<Said> Recognise(std::string_view text);
// Which of the values is a reason of its own; nothing for most sentences.
std::optional<size_t> ReasonWithin(Sentence sentence);

}  // namespace koeval::core
