// The scheduler's API as plain calls: deadlines, retries of what is safe to retry, errors with
// remedies.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/base/status.h"
#include "scheduler/board/board_path.h"
#include "scheduler/board/leaderboard_v1.h"
#include "scheduler/cli/view.h"

namespace koeval::cli {

struct ClientOptions {
  std::string address = "127.0.0.1:7711";
  std::string token_file;  // holds the token; never given by value
  std::string tls_ca, tls_cert, tls_key, tls_server_name;
  // Holds a token of the model hub, for schedulers that take one instead of a token of theirs.
  std::string hub_token_file = {};
  int64_t timeout_ms = 10'000;  // of one call
};

struct SubmitSpec {
  std::string model, revision, precision, weight_type, model_type, suite, profile;
  std::optional<int64_t> limit;
  int64_t priority = 0;
  int64_t time_limit_ms = 0;
  std::optional<std::string> chat_template = {};  // "" for the model's default one
  std::optional<bool> fewshot_as_multiturn = {};
  std::string system_instruction = {};
};

// A file to send: where it lies, and its name in the dataset ([config/]split.ext).
struct DatasetFile {
  std::string path, name;
};

struct ListFilter {
  std::vector<std::string> states;
  std::string suite, model, submitter;
  bool newest_first = false;
  int64_t limit = 1000;  // requests in all; pages are fetched as needed
};

// Thread-safe. Every call returns UNAVAILABLE, naming the address and what to check, when nobody
// answers within the timeout.
class Client {
 public:
  // INVALID_ARGUMENT or NOT_FOUND for unreadable token or TLS files. Does not connect yet.
  static Result<std::unique_ptr<Client>> Create(const ClientOptions& options);
  ~Client();

  // (request, already known). Repeated by itself on UNAVAILABLE: the id makes that safe.
  // `force`: even if a request with the same files and settings is stored.
  Result<std::pair<RequestView, bool>> Submit(const std::string& id, const SubmitSpec& spec,
                                              bool force = false);
  // What a submission would meet; nothing is stored. Takes as long as the checks take.
  Result<DryRunView> DryRun(const SubmitSpec& spec);
  Result<std::pair<RequestView, std::vector<AttemptView>>> Get(const std::string& id);
  Result<ExplanationView> Explain(const std::string& id);
  Result<std::vector<RequestView>> List(const ListFilter& filter);
  // Calls `on_change` for each change after `after_seq` until it returns false or the stream ends.
  Status Watch(int64_t after_seq, const std::string& id,
               const std::function<bool(const ChangeView&)>& on_change);
  Result<RequestView> Cancel(const std::string& id);
  Result<RequestView> Retry(const std::string& id);
  Result<QueueView> Queue();
  Result<bool> SetPaused(bool paused);
  Result<ResultsView> Results(const std::string& id);
  // With `flagged` also models that are flagged.
  Result<LeaderboardView> Leaderboard(const LeaderboardQuery& query);
  Result<FlagView> Flag(const std::string& model, const std::string& reason,
                        const std::string& url);
  Result<FlagView> Unflag(const std::string& model);
  // In order of names; at most `limit`, pages are fetched as needed.
  Result<std::vector<ModelView>> Models(bool flagged_only, int64_t limit);
  // Calls `on_model` for each model as it was looked at again; no `models`: all.
  Status RefreshModels(const std::vector<std::string>& models,
                       const std::function<void(const RefreshView&)>& on_model);
  // Sends files until `next` gives none. Its error ends the call; what was stored before stays.
  Result<ImportView> Import(board::FileKind kind,
                            const std::function<Result<std::optional<BoardFileView>>()>& next);
  // Calls `on_file` with each file in order of paths; its first error ends the call.
  Status Export(board::FileKind kind, const std::string& suite, board::ResultFormat format,
                const std::function<Status(const BoardFileView&)>& on_file);
  // Copies the database to `name` below the scheduler's backup folder ("" = named by the time).
  Result<BackupView> Backup(const std::string& name);
  // Calls `on_line` with each sample line (JSON, without newline) as it arrives, and whether its
  // texts were withheld; its first error ends the call.
  Status Samples(const std::string& id, const std::string& task,
                 const std::function<Status(const std::string&, bool withheld)>& on_line);
  Result<std::vector<SuiteView>> Suites();
  Result<std::vector<WorkerView>> Workers();
  // Sends the files a piece at a time. NOT_FOUND and others for files that cannot be read.
  Result<DatasetAddedView> AddDataset(const std::string& name, bool is_public,
                                      const std::vector<DatasetFile>& files);
  Result<std::vector<DatasetView>> Datasets();
  // `digest` "" for every version.
  Result<DatasetRemovedView> RemoveDataset(const std::string& name, const std::string& digest);
  Result<WorkerView> Drain(const std::string& worker, bool drain, const std::string& reason);

  const std::string& address() const;

 private:
  struct Impl;
  explicit Client(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace koeval::cli
