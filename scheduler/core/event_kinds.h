// The kinds of entries in the change feed: the one table of them.
#pragma once

#include <string_view>

namespace koeval::core::kind {

// About a request.
inline constexpr std::string_view kSubmitted = "submitted";   // new row, checks begin
inline constexpr std::string_view kChecked = "checked";       // checks passed, it waits for a slot
inline constexpr std::string_view kPostponed = "postponed";   // no hub: it is checked again later
inline constexpr std::string_view kRunning = "running";       // an attempt started
inline constexpr std::string_view kPlanned = "planned";       // its batches are known
inline constexpr std::string_view kBatch = "batch";           // one more batch is stored
inline constexpr std::string_view kRangeBack = "range_back";  // one lease lost, others go on
inline constexpr std::string_view kPutBack = "put_back";      // the attempt ended, it waits again
inline constexpr std::string_view kScoring = "scoring";       // every batch is stored
inline constexpr std::string_view kFinished = "finished";
inline constexpr std::string_view kFailed = "failed";
inline constexpr std::string_view kCancelled = "cancelled";
inline constexpr std::string_view kRestarted = "restarted";  // a new round: its class is gone
inline constexpr std::string_view kRetried = "retried";      // a new round of a failed request

// About the queue or a worker; these have no request.
inline constexpr std::string_view kPaused = "paused";
inline constexpr std::string_view kResumed = "resumed";
inline constexpr std::string_view kDrained = "drained";
inline constexpr std::string_view kUndrained = "undrained";
inline constexpr std::string_view kWorkerConnected = "worker_connected";
inline constexpr std::string_view kWorkerGone = "worker_gone";

}  // namespace koeval::core::kind
