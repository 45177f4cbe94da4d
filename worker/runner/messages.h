// The frames of the runner protocol as plain values, and their JSON text.
//
// STARTUP    R: Ready. P: Load. R: Loaded or Failed.
// OPERATION  P: Task (one per task, in order), then Plan. R: Planned or Failed (with the job).
//            P: Run. R: Batch for each batch, ascending, then LeaseDone; or LeaseStopped after
//            Stop, LeaseExpired when the time is over, Failed (with the lease) when a batch cannot
//            be run. Stop and Extend are seen while a batch runs. R: Alive each second.
// TEARDOWN   P: Quit, or the end of the pipe. R finishes the batch in flight and exits 0.
//
// RESULTS    {"task":name,"results":[...]}: one list for each request of the batch, all of one
// shape,
//            which follows from what the task asks (common/evaluation/answers.h):
//            [request, log-likelihood, greedy]; or [request, window, windows, log-likelihood] for
//            each window of a rolling request, whose windows may be in several batches; or
//            [request, text] for a text that the model wrote, cut at the stop strings.
//
// One frame is one line of JSON (UTF-8). Missing, unknown, doubled and wrongly typed fields are
// errors; optional fields may be null or absent. Non-finite numbers are the strings "nan", "inf",
// "-inf".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "common/base/ids.h"
#include "common/base/json.h"
#include "common/base/status.h"

namespace koeval::runner {

inline constexpr int64_t kProtocol = 1;
inline constexpr std::string_view kVersion = "0.1.0";
inline constexpr size_t kFrameBytesMax = size_t{256} << 20;  // one line, newline included
inline constexpr size_t kTextBytesMax = size_t{1} << 20;     // of one generated text
inline constexpr int64_t kTasksPerJobMax = 10'000;

// ---- parent to runner ----

struct LoadFrame {
  std::string model_dir;
  std::string precision = "float32";     // float32, bfloat16, float16
  std::string logits_dtype = "float32";  // float32, as_model
  std::string device = "cpu";            // cpu, cuda:N
  int64_t threads = 0;                   // CPU threads; 0 = all
  std::string profile = "lm-eval-0.4";   // lm-eval-0.4, leaderboard-v1
  std::string engine = "plan";           // plan, naive
};

struct TaskFrame {
  std::string job;
  int64_t index = 0;  // 0..total-1, ascending
  int64_t total = 1;
  Json task;  // evaluation::TaskToJson
  std::optional<int64_t> num_fewshot;
  std::optional<int64_t> limit;
  std::optional<int64_t> seed;
  Json chat = nullptr;  // evaluation::ChatOptionsToJson; null for plain prompts
};

struct PlanFrame {
  std::string job;
};

struct RunFrame {
  std::string job;
  LeaseId lease;
  int64_t begin = 0;
  std::optional<int64_t> end;              // nothing: to the end of the plan
  std::optional<std::string> plan_digest;  // nothing: not compared (frames written to a file)
  std::optional<int64_t> time_left_ms;     // nothing: no deadline
};

struct StopFrame {
  LeaseId lease;
};

struct ExtendFrame {
  LeaseId lease;
  int64_t time_left_ms = 0;
};

struct ForgetFrame {
  std::string job;
};

struct QuitFrame {};

using ParentFrame = std::variant<LoadFrame, TaskFrame, PlanFrame, RunFrame, StopFrame, ExtendFrame,
                                 ForgetFrame, QuitFrame>;

// ---- runner to parent ----

struct ReadyFrame {
  int64_t protocol = kProtocol;
  int64_t pid = 0;
  std::string version;
};

struct RunnerFacts {
  std::string architecture;
  std::string model_type;
  int64_t parameters = 0;
  int64_t max_length = 0;  // as the plan truncates
  std::string dtype;
  std::string logits_dtype;  // what log-probabilities are computed and summed in
  std::string hardware_class;
  std::string tokenizer_digest;
  std::optional<int64_t> bos_id;
  std::optional<int64_t> eos_id;
};

struct LoadedFrame {
  RunnerFacts facts;
};

struct PlannedTask {
  std::string task;
  int64_t batches = 0;
  int64_t requests = 0;
  int64_t documents = 0;
  int64_t truncated = 0;  // requests that lost tokens on the left
  int64_t naive_tokens = 0;
  int64_t unique_tokens = 0;
};

struct PlannedFrame {
  std::string job;
  std::string digest;
  std::vector<PlannedTask> tasks;  // their batches form one index space, in this order

  int64_t BatchCount() const;
};

struct BatchFrame {
  std::string job;
  LeaseId lease;
  int64_t batch = 0;
  Json results;  // see RESULTS
  int64_t run_ms = 0;
};

struct LeaseDoneFrame {
  LeaseId lease;
};

// `next` is the first batch that was not run.
struct LeaseStoppedFrame {
  LeaseId lease;
  int64_t next = 0;
};

struct LeaseExpiredFrame {
  LeaseId lease;
  int64_t next = 0;
};

struct FailedFrame {
  std::optional<LeaseId> lease;
  std::optional<std::string> job;
  std::string ending;  // a name of common/base/endings.h
  std::string message;
  std::string remedy;
};

struct AliveFrame {};

using RunnerFrame = std::variant<ReadyFrame, LoadedFrame, PlannedFrame, BatchFrame, LeaseDoneFrame,
                                 LeaseStoppedFrame, LeaseExpiredFrame, FailedFrame, AliveFrame>;

// One line, newline included. Bytes of a text that are not UTF-8 become U+FFFD.
std::string FormatFrame(const ParentFrame& frame);
std::string FormatFrame(const RunnerFrame& frame);

// INVALID_ARGUMENT, naming frame type and field, for anything but one complete known frame. `line`
// comes without its newline.
Result<ParentFrame> ParseParentFrame(std::string_view line);
Result<RunnerFrame> ParseRunnerFrame(std::string_view line);

}  // namespace koeval::runner
