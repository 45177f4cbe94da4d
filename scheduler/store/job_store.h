// JobStore: where the queue survives. One writer, many readers.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "common/base/status.h"
#include "scheduler/core/records.h"

namespace koeval::store {

using Snapshot = core::Snapshot;

struct RequestFilter {
  std::vector<core::RequestState> states;  // empty: all
  std::string suite, model, submitter;     // empty: all; model matches as a substring
};

struct Page {
  int64_t after_number = 0;  // requests with a larger number; 0 from the start
  int64_t limit = 100;
  bool newest_first =
      false;  // then: requests with a smaller number than after_number (0: from the end)
};

// Reads; safe from any thread, and never delays the writer. A read sees a committed state.
class Reader {
 public:
  virtual ~Reader() = default;
  virtual Result<core::RequestRow> GetRequest(const RequestId& id) = 0;  // NOT_FOUND
  virtual Result<std::vector<core::RequestRow>> ListRequests(const RequestFilter& filter,
                                                             const Page& page) = 0;
  virtual Result<std::vector<core::AttemptRow>> Attempts(const RequestId& id) = 0;
  // In batch order.
  virtual Result<std::vector<core::BatchRow>> Batches(const RequestId& id, int64_t round) = 0;
  virtual Result<std::optional<core::ScoreRow>> Score(const RequestId& id, int64_t round) = 0;
  // Requests of every state that were submitted with this bundle.
  virtual Result<int64_t> CountRequestsOf(const std::string& bundle_digest) = 0;
  // Events with seq > `after`, oldest first. `id` "" for all.
  virtual Result<std::vector<core::EventRow>> Events(int64_t after, const RequestId& id,
                                                     int64_t limit) = 0;
  virtual Result<std::vector<core::AuditRow>> Audit(int64_t limit) = 0;  // newest first

  // What is known about a model; nothing for one that nobody looked at.
  virtual Result<std::optional<core::ModelRow>> Model(const std::string& model) = 0;
  // In order of names, those after `after` ("" from the start).
  virtual Result<std::vector<core::ModelRow>> Models(const std::string& after, int64_t limit) = 0;
  // In order of models and time; of `model` alone unless it is "". Flags in force, and with
  // `lifted` the earlier ones too.
  virtual Result<std::vector<core::FlagRow>> Flags(const std::string& model, bool lifted,
                                                   int64_t limit) = 0;
  // Imported files of `kind` in order of paths, those after `after` ("" from the start).
  virtual Result<std::vector<core::ImportRow>> Imports(const std::string& kind,
                                                       const std::string& after, int64_t limit) = 0;
  // One of them; nothing when there is no such file.
  virtual Result<std::optional<core::ImportRow>> Import(const std::string& kind,
                                                        const std::string& path) = 0;
  virtual Result<std::string> ImportText(const std::string& kind,
                                         const std::string& path) = 0;  // NOT_FOUND
};

class JobStore {
 public:
  virtual ~JobStore() = default;
  // Writer thread only. All of `mutations` are on disk when it returns OK; none of them otherwise.
  // ALREADY_EXISTS for a BatchRow or EventRow whose key is taken (a bug of the caller, nothing is
  // written). After any other error the store refuses further commits: the daemon must end.
  virtual Status Commit(std::span<const core::Mutation> mutations) = 0;
  virtual Result<Snapshot> Load() = 0;
  // Opens one more reader. Any thread.
  virtual Result<std::unique_ptr<Reader>> OpenReader() = 0;
  // A consistent copy in the new file `path`, while the store is in use; ALREADY_EXISTS when it is
  // there. Writer thread only.
  virtual Status Backup(const std::string& path) = 0;
  // Rows that could not be read and were moved aside by Load(), now or earlier. Writer thread only.
  virtual int64_t quarantined() const { return 0; }
};

// In memory, for tests. Keeps what was committed as long as it or one of its readers lives; a
// backup of it is a SQLite database.
std::unique_ptr<JobStore> OpenMemoryStore();

// SQLite at `path`: WAL, synchronous=FULL, one writing and checkpointing connection, readers opened
// read-only. Creates the database, or upgrades an older schema; FAILED_PRECONDITION for a newer
// schema or when another process holds the lock (`path`.lock); DATA_LOSS for a corrupt database.
// Each error names the file and the remedy.
Result<std::unique_ptr<JobStore>> OpenSqliteStore(const std::string& path);

}  // namespace koeval::store
