// What the client shows, as plain values (view_convert.cc makes them of protobuf).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace koeval::cli {

struct RequestView {
  std::string id;
  int64_t number = 0;
  std::string model, revision, precision, weight_type, model_type, suite, suite_version, profile;
  std::optional<int64_t> limit;
  int64_t priority = 0;
  int64_t time_limit_ms = 0;
  std::string state;  // PENDING, RUNNING, FINISHED, FAILED
  std::string phase, ending, reason, remedy;
  int64_t round = 0, attempt = 0;
  int64_t batches_done = 0, batches_total = 0;
  std::optional<int64_t> eta_ms;
  int64_t queue_position = 0;
  std::vector<std::string> workers;
  std::string plan_digest, bundle_digest, hardware_class, submitter, facts_json;
  std::optional<std::string> chat_template = {};
  bool fewshot_as_multiturn = false;
  std::string system_instruction = {};
  int64_t submitted_at_us = 0, started_at_us = 0, finished_at_us = 0;
  struct Task {
    std::string task;
    int64_t batches = 0, requests = 0, documents = 0, truncated = 0;
  };
  std::vector<Task> tasks;

  bool terminal() const { return state == "FINISHED" || state == "FAILED"; }
};

struct AttemptView {
  int64_t round = 0, attempt = 0;
  std::string worker, ending, reason;
  int64_t started_at_us = 0, ended_at_us = 0;
};

struct SlotVerdictView {
  std::string worker, device, hardware_class, text;
  int64_t slot = 0;
  int64_t memory_bytes = 0;  // 0: not known
  bool open = false;         // nothing about the slot keeps it from taking the request
};
struct ChangeView {
  int64_t seq = 0, at_us = 0;
  std::string request_id, kind, text;
};
struct ExplanationView {
  RequestView request;
  std::string answer;
  int64_t memory_bytes = 0;    // that a slot must have; 0: not known
  std::string hardware_class;  // that the round is bound to; "" = any
  std::vector<SlotVerdictView> slots;
  int64_t slots_known = 0;
  std::vector<ChangeView> decisions;  // newest last
};

struct DryRunView {
  std::string revision;         // that it would be evaluated at
  bool accepted = false;        // nothing stands against a submission
  std::string report_json;      // of the checks
  std::string same_request_id;  // that a submission would be answered with; "" for none
  struct Task {
    std::string task;
    int64_t documents = 0, requests = 0, prompt_bytes = 0;
    int64_t prompt_tokens = 0;  // 0: not known
    bool tokens_are_exact = false;
  };
  std::vector<Task> tasks;
  int64_t memory_bytes = 0;  // 0: not known
  bool fits = false;
  std::string placement, placement_remedy;
  std::vector<SlotVerdictView> slots;
  int64_t slots_known = 0, requests_ahead = 0;
  std::optional<int64_t> start_ms;  // nothing: not known
  double operations = 0;            // of floating point, about; 0: not known
  std::optional<int64_t> run_ms;    // about; nothing: not known
};

struct BackupView {
  std::string path;  // on the scheduler's machine
  int64_t bytes = 0;
};

struct QueueView {
  int64_t pending = 0, running = 0, finished = 0, failed = 0;
  int64_t workers = 0, slots = 0, slots_busy = 0;
  bool paused = false;
  int64_t last_seq = 0;
  int64_t now_us = 0;
  std::string version;
};

struct SlotView {
  int64_t index = 0;
  std::string device, model, request_id;
  int64_t lease = 0;
};
struct WorkerView {
  std::string id, hardware_class, version, drain_reason;
  bool connected = false, draining = false;
  int64_t last_seen_ms_ago = 0, batches_done = 0;
  std::vector<SlotView> slots;
};

struct EntryView {
  std::string name, metric;
  double value = 0;
  std::optional<double> stderr_value;
};
struct MetricView {
  std::string metric, filter;
  double value = 0;
  std::optional<double> stderr_value;
};
struct TaskScoreView {
  std::string task, alias;
  int64_t num_fewshot = 0, documents = 0;
  std::vector<MetricView> metrics;
};
struct ResultsView {
  std::string request_id, suite;
  std::vector<EntryView> entries;
  double average = 0;
  std::vector<TaskScoreView> tasks;
  std::string results_json;
  int64_t finished_at_us = 0;
};
struct FlagView {
  std::string model, reason, url, set_by, lifted_by;
  int64_t set_at_us = 0, lifted_at_us = 0;
};
struct ModelView {
  std::string model, type, icon, license, precision, architecture, base_model, source;
  std::optional<int64_t> likes, parameters;
  int64_t deleted_at_us = 0, refreshed_at_us = 0;  // 0: not
  std::optional<FlagView> flag;                    // in force
};
struct RefreshView {
  ModelView model;
  bool changed = false;
  std::string problem;  // why the hub could not be asked
};
struct BoardFileView {
  std::string path, text;
};
struct ImportView {
  int64_t added = 0, changed = 0, unchanged = 0, refused = 0;
  std::vector<std::string> problems;  // "path: what and the remedy"
};
struct LeaderboardRowView {
  int64_t rank = 0;  // 0: not ranked
  std::string request_id, model, revision, precision, model_type, profile;
  double average = 0;
  std::vector<EntryView> entries;
  int64_t finished_at_us = 0;
  ModelView about = {};
  bool imported = false;  // scores that this scheduler did not compute
  std::string weight_type = {};
  std::optional<double> average_stderr = {};
  std::string suite_version = {};
  std::vector<std::string> settings =
      {};  // what differs from the suite's own, by names of koeval.v1
  std::optional<std::string> chat_template = {};  // "" = the model's default one; nothing: none
  bool fewshot_as_multiturn = false;
  std::string system_instruction = {};
};
struct LeaderboardView {
  std::string suite, suite_version;
  std::vector<std::string> columns;
  int64_t flagged_hidden = 0;  // models that were left out for their flags alone
  std::vector<LeaderboardRowView> rows;
  std::vector<std::string> suite_versions = {};  // that have a leaderboard, the current one first
  std::string profile = {};                      // the suite's
};
// Which rows of which leaderboard, as koeval.v1.GetLeaderboardRequest.
struct LeaderboardQuery {
  std::string suite, suite_version, settings;
  int limit = 100;
  bool flagged = false;
};

struct SuiteView {
  std::string name, title, version, profile, bundle_digest;
  bool is_default = false;
  int64_t documents = 0;
  struct Entry {
    std::string name, metric;
    std::vector<std::string> tasks;
    std::optional<int64_t> num_fewshot;
  };
  std::vector<Entry> entries;
  std::string unavailable;  // why nothing can be submitted to it; "" = available
};

struct DatasetSplitView {
  std::string config, split;
  int64_t rows = 0, bytes = 0;
};
struct DatasetView {
  std::string name, digest, added_by;
  bool is_public = false, is_current = false;
  std::vector<DatasetSplitView> splits;
  int64_t added_at_us = 0, requests = 0;
  int64_t rows() const {
    int64_t sum = 0;
    for (const DatasetSplitView& split : splits) sum += split.rows;
    return sum;
  }
  int64_t bytes() const {
    int64_t sum = 0;
    for (const DatasetSplitView& split : splits) sum += split.bytes;
    return sum;
  }
};
struct DatasetAddedView {
  DatasetView dataset;
  bool already_known = false;
  std::vector<std::string> suites_opened;
};
struct DatasetRemovedView {
  int64_t versions = 0;
  std::vector<std::string> suites;  // unavailable now
};

}  // namespace koeval::cli
