// The table of the core's sentences.
#include "scheduler/core/sentences.h"

#include <array>
#include <cstddef>

#include "common/base/check.h"

namespace koeval::core {
namespace {

using enum Sentence;

constexpr std::string_view kPlace = "{}";

constexpr std::array kTable = {
    SentenceInfo{kChecksWait, "It waits for its submission checks."},
    SentenceInfo{kChecksRun, "Its submission checks are running."},
    SentenceInfo{
        kHubSilent,
        "The model hub gives no answer; its submission checks are tried again in {} (try {} "
        "of {})."},
    SentenceInfo{kDispatchPaused, "Dispatch is paused; an operator must resume it."},
    SentenceInfo{kNoWorker, "No worker is connected that takes work."},
    SentenceInfo{kNoWorkerOfClass,
                 "Its round runs on hardware class '{}', and no worker of it is connected."},
    SentenceInfo{kTooLargeForSlots,
                 "Its model needs {} of memory, and no slot has more than {}; it fails unless a "
                 "larger one comes."},
    SentenceInfo{kWaitsForSlot, "It waits for a free slot; {} request{} ahead of it."},
    SentenceInfo{kWaitsForLargeSlot,
                 "It waits for a free slot with {} of memory; {} request{} ahead of it."},
    SentenceInfo{kPlanRuns, "It runs: a worker builds its plan."},
    SentenceInfo{kBatchesRun, "It runs: {} of {} batches are stored, {} ranges are out."},
    SentenceInfo{kScoreRuns, "Every batch is stored; its score is being computed."},
    SentenceInfo{kWouldWaitPaused, "It would wait: dispatch is paused."},
    SentenceInfo{kWouldWaitForWorker, "It would wait: no worker is connected that takes work."},
    SentenceInfo{kWouldStart, "It would start at once: a slot is free."},
    SentenceInfo{kWouldWaitForSlot, "It would wait for a slot; {} request{} ahead of it."},
    SentenceInfo{kLargestSlot,
                 "the model needs {} of memory in {}, and the largest slot has {} (worker {}, slot "
                 "{})"},
    SentenceInfo{kPlanTasks, "the plan has {} tasks, plan_tasks_max is {}"},
    SentenceInfo{kPlanBatches, "the plan has more than batches_max = {} batches"},
    SentenceInfo{kPlanWithoutDigest, "the plan has no digest"},
    SentenceInfo{kPlanNegative, "the plan of task '{}' is negative"},
    SentenceInfo{kPlanEmpty, "the plan has no batches"},
    SentenceInfo{kPlanNotAsked, "a plan came for a lease over batches"},
    SentenceInfo{kBadBatch, "worker {} sent batch {}, which is empty or not of its lease"},
    SentenceInfo{kOtherPlan, "worker {} built another plan than the first one"},
    SentenceInfo{kRanOnOtherClass, "worker {} ran on hardware class '{}', this round is on '{}'"},
    SentenceInfo{kEndedUnfinished, "worker {} ended the lease without having sent all results"},
    SentenceInfo{kEndedAs, "worker {} ended the lease as '{}'"},
    SentenceInfo{kNoHeartbeat, "worker {} sent no heartbeat for its lease in time"},
    SentenceInfo{kNotBackAfterRestart, "worker {} did not come back after the restart"},
    SentenceInfo{kBackWithout, "worker {} came back without it"},
    SentenceInfo{kTimeLimit, "it ran for its time limit of {} ms"},
    SentenceInfo{kNoSlotToGoOn, "no slot was free to go on with it"},
    SentenceInfo{kClassGone,
                 "no worker of hardware class '{}' is left: it starts anew on another one"},
    SentenceInfo{kCancelledBy, "cancelled by {}"},
    SentenceInfo{kChecksSilent,
                 "its submission checks gave no answer, asked {} times with {} ms each"},
    SentenceInfo{kScoreSilent, "the computation of its score gave no answer within {} ms"},
    SentenceInfo{kFailedAlike, "{} (the last of {} attempts that failed alike)"},
    SentenceInfo{kAskedTimes, "asked {} times within {}: {}"},
    SentenceInfo{kWorkerSays, "worker {}: {}"},
    SentenceInfo{kUseBfloat16, "Submit it with precision bfloat16: it then needs about {}."},
    SentenceInfo{kUseSmallerModel,
                 "Submit a smaller model, or ask the operator for a slot with at least {}."},
    SentenceInfo{kUseLimit, "Submit it with a limit."},
    SentenceInfo{kRetryOrAsk,
                 "Retry it; if it happens again, ask the operator for the scheduler's log."},
};

constexpr bool TableIsInOrder() {
  for (size_t i = 0; i < kTable.size(); ++i) {
    if (kTable[i].sentence != static_cast<Sentence>(i)) return false;
  }
  return kTable.size() == static_cast<size_t>(kRetryOrAsk) + 1;
}
static_assert(TableIsInOrder(), "one row for each sentence, in the order of the enumeration");

// The values that make `text` of `pattern`, each as short as can be but the last one.
std::optional<std::vector<std::string>> Match(std::string_view pattern, std::string_view text) {
  std::vector<std::string> values;
  size_t place = pattern.find(kPlace);
  if (!text.starts_with(pattern.substr(0, place))) return std::nullopt;
  if (place == std::string_view::npos) {
    return pattern == text ? std::optional(values) : std::nullopt;
  }
  text.remove_prefix(place);
  while (place != std::string_view::npos) {
    pattern.remove_prefix(place + kPlace.size());
    place = pattern.find(kPlace);
    const std::string_view literal = pattern.substr(0, place);
    const bool is_last = place == std::string_view::npos;
    if (is_last && !text.ends_with(literal)) return std::nullopt;
    const size_t end = is_last ? text.size() - literal.size() : text.find(literal);
    if (end == std::string_view::npos) return std::nullopt;
    values.emplace_back(text.substr(0, end));
    text.remove_prefix(end + literal.size());
  }
  return values;
}

}  // namespace

std::span<const SentenceInfo> AllSentences() {
  return kTable;
}

std::string_view TextOf(Sentence sentence) {
  const auto index = static_cast<size_t>(sentence);
  KOEVAL_CHECK(index < kTable.size(), "a sentence outside the enumeration");
  return kTable[index].text;
}

std::string Say(Sentence sentence, std::initializer_list<std::string> values) {
  std::string_view rest = TextOf(sentence);
  std::string out;
  for (const std::string& value : values) {
    const size_t place = rest.find(kPlace);
    KOEVAL_CHECK(place != std::string_view::npos, "more values than the sentence has places");
    out += rest.substr(0, place);
    out += value;
    rest.remove_prefix(place + kPlace.size());
  }
  KOEVAL_CHECK(rest.find(kPlace) == std::string_view::npos, "a sentence lacks a value");
  return out += rest;
}

std::optional<Said> Recognise(std::string_view text) {
  // Those around another reason fit many texts, so they come last.
  for (const bool is_around : {false, true}) {
    for (const SentenceInfo& info : kTable) {
      if (ReasonWithin(info.sentence).has_value() != is_around) continue;
      if (auto values = Match(info.text, text)) return Said{info.sentence, *std::move(values)};
    }
  }
  return std::nullopt;
}

std::optional<size_t> ReasonWithin(Sentence sentence) {
  switch (sentence) {
    case kFailedAlike:
      return 0;
    case kWorkerSays:
      return 1;
    case kAskedTimes:
      return 2;
    default:
      return std::nullopt;
  }
}

}  // namespace koeval::core
