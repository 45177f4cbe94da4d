// Every bound and time of the queue's core, in one place.
#pragma once

#include <cstdint>

namespace koeval::core {

struct Limits {
  // Sizes.
  int64_t pending_max = 1'000'000;    // requests that wait; more are refused
  int64_t requests_max = 10'000'000;  // requests of all states that are remembered
  int64_t workers_max = 10'000;       // names; one that is gone makes room
  int64_t worker_slots_max = 64;      // of one worker
  int64_t held_leases_max = 1'024;    // that one worker message may name
  int64_t batches_max = 1'000'000;    // of one request
  int64_t plan_tasks_max = 10'000;    // of one request
  int64_t lease_batches_max = 8;      // that one lease covers
  int64_t faults_max = 3;             // counted against one batch until the request fails
  int64_t undelivered_max = 10;  // leases of a round that never arrived, until they count as faults
  int64_t check_tries_max = 3;   // until a request whose checks give no answer fails
  // Until a request fails whose checks find that the model hub gives no answer; see recheck_for_ms.
  int64_t recheck_tries_max = 20;
  int64_t score_tries_max = 3;      // until a request whose score cannot be computed fails
  int64_t checks_running_max = 64;  // submission checks asked for and not answered
  int64_t scores_running_max = 16;  // scores asked for and not answered
  int64_t place_scan_max = 256;     // candidates looked at for one idle slot that fit it
  int64_t text_bytes_max = 4'096;   // of a reason or remedy that a worker or a check sends
  // Requests and retries that one submitter may make within submits_window_ms of wall time; 0 = any
  // number.
  // Operators are not bound by it.
  int64_t submits_max = 0;
  int64_t submits_window_ms = 86'400'000;
  // Times.
  int64_t heartbeat_ms = 2'000;
  // A worker that has not been heard of for this long has lost its leases. One second below the
  // promise of ten, so that the tick that notices it still keeps the promise.
  int64_t lease_ms = 9'000;
  int64_t reattach_grace_ms = 15'000;  // for leases that were live when the scheduler ended
  int64_t hand_back_pause_ms = 5'000;  // a slot that handed a lease back rests for this long
  // A round that has batches and no worker of its hardware class, twice in a row this far apart, is
  // started anew on what is there.
  int64_t class_wait_ms = 300'000;
  // A request that no known slot can hold fails after this time, in which one may come (back).
  int64_t fit_wait_ms = 300'000;
  // An answer of the scheduler's own pools counts as lost after this time, waiting for a thread
  // included; then it is asked for again.
  int64_t check_answer_ms = 3'600'000;
  int64_t score_answer_ms = 3'600'000;
  // A request whose checks find that the model hub gives no answer is checked again after a pause
  // that begins with the first and doubles up to the last, unless that would be later than
  // recheck_for_ms after the first of these answers. Time without a scheduler does not count.
  int64_t recheck_first_ms = 15'000;
  int64_t recheck_last_ms = 1'800'000;
  int64_t recheck_for_ms = 21'600'000;
  int64_t worker_forget_ms = 3'600'000;        // a worker that is gone is listed for this long
  int64_t time_limit_default_ms = 86'400'000;  // of a request whose spec has none
  // Time that passed without any event or tick for longer than this was the scheduler's own stall
  // (stopped process, slow disk): it is not counted against leases. So: tick more often than this.
  int64_t stall_ms = 2'000;
};

}  // namespace koeval::core
