// The store in memory: for tests and the simulator.
#include <unistd.h>

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "common/base/mutex.h"
#include "scheduler/store/job_store.h"

namespace koeval::store {
namespace {

using RoundKey = std::pair<std::string, int64_t>;
using BatchKey = std::tuple<std::string, int64_t, int64_t>;
using FlagKey = std::pair<std::string, int64_t>;      // model, time
using FileKey = std::pair<std::string, std::string>;  // kind, path

// Everything that was committed; shared by the store and its readers.
struct Tables {
  Mutex mutex;
  std::map<int64_t, core::RequestRow> requests GUARDED_BY(mutex);  // by number
  std::map<std::string, int64_t> numbers GUARDED_BY(mutex);        // id -> number
  std::map<BatchKey, core::AttemptRow> attempts GUARDED_BY(mutex);
  std::map<int64_t, core::LeaseRow> leases GUARDED_BY(mutex);
  std::map<BatchKey, core::BatchRow> batches GUARDED_BY(mutex);
  std::map<RoundKey, core::ScoreRow> scores GUARDED_BY(mutex);
  std::map<int64_t, core::EventRow> events GUARDED_BY(mutex);
  std::vector<core::AuditRow> audit GUARDED_BY(mutex);
  std::map<std::string, std::string> meta GUARDED_BY(mutex);
  std::map<std::string, core::ModelRow> models GUARDED_BY(mutex);
  std::map<FlagKey, core::FlagRow> flags GUARDED_BY(mutex);
  std::map<FileKey, core::ImportRow> imports GUARDED_BY(mutex);
  std::map<FileKey, core::ImportTextRow> import_texts GUARDED_BY(mutex);
};

bool Matches(const core::RequestRow& row, const RequestFilter& filter) {
  const bool state = filter.states.empty() || std::find(filter.states.begin(), filter.states.end(),
                                                        row.state) != filter.states.end();
  return state && (filter.suite.empty() || row.spec.suite == filter.suite) &&
         (filter.submitter.empty() || row.spec.submitter == filter.submitter) &&
         row.spec.model.find(filter.model) != std::string::npos;
}

template <typename Row>
std::vector<Row> FirstOf(std::vector<Row> rows, int64_t limit) {
  const auto most = static_cast<size_t>(std::max<int64_t>(0, limit));
  if (rows.size() > most) rows.resize(most);
  return rows;
}

class MemoryReader final : public Reader {
 public:
  explicit MemoryReader(std::shared_ptr<Tables> tables) : t_(std::move(tables)) {}

  Result<core::RequestRow> GetRequest(const RequestId& id) override {
    MutexLock lock(t_->mutex);
    const auto number = t_->numbers.find(id.text);
    if (number == t_->numbers.end()) return NotFound("there is no request " + id.text);
    return t_->requests.at(number->second);
  }

  Result<std::vector<core::RequestRow>> ListRequests(const RequestFilter& filter,
                                                     const Page& page) override {
    MutexLock lock(t_->mutex);
    std::vector<core::RequestRow> rows;
    const auto take = [&](const core::RequestRow& row) {
      if (Matches(row, filter)) rows.push_back(row);
      return static_cast<int64_t>(rows.size()) < page.limit;
    };
    if (page.limit <= 0) return rows;
    if (page.newest_first) {
      auto end =
          page.after_number == 0 ? t_->requests.end() : t_->requests.lower_bound(page.after_number);
      while (end != t_->requests.begin()) {
        --end;
        if (!take(end->second)) break;
      }
    } else {
      for (auto it = t_->requests.upper_bound(page.after_number); it != t_->requests.end(); ++it) {
        if (!take(it->second)) break;
      }
    }
    return rows;
  }

  Result<int64_t> CountRequestsOf(const std::string& bundle_digest) override {
    MutexLock lock(t_->mutex);
    return std::count_if(t_->requests.begin(), t_->requests.end(), [&](const auto& request) {
      return request.second.spec.bundle_digest == bundle_digest;
    });
  }

  Result<std::vector<core::AttemptRow>> Attempts(const RequestId& id) override {
    MutexLock lock(t_->mutex);
    std::vector<core::AttemptRow> rows;
    for (const auto& [key, row] : t_->attempts) {
      if (row.request == id) rows.push_back(row);
    }
    return rows;
  }

  Result<std::vector<core::BatchRow>> Batches(const RequestId& id, int64_t round) override {
    MutexLock lock(t_->mutex);
    std::vector<core::BatchRow> rows;
    for (auto it = t_->batches.lower_bound({id.text, round, INT64_MIN});
         it != t_->batches.end() && it->second.request == id && it->second.round == round; ++it) {
      rows.push_back(it->second);
    }
    return rows;
  }

  Result<std::optional<core::ScoreRow>> Score(const RequestId& id, int64_t round) override {
    MutexLock lock(t_->mutex);
    const auto found = t_->scores.find({id.text, round});
    if (found == t_->scores.end()) return std::optional<core::ScoreRow>();
    return std::optional<core::ScoreRow>(found->second);
  }

  Result<std::vector<core::EventRow>> Events(int64_t after, const RequestId& id,
                                             int64_t limit) override {
    MutexLock lock(t_->mutex);
    std::vector<core::EventRow> rows;
    for (auto it = t_->events.upper_bound(after);
         it != t_->events.end() && static_cast<int64_t>(rows.size()) < limit; ++it) {
      if (id.text.empty() || it->second.request == id) rows.push_back(it->second);
    }
    return rows;
  }

  Result<std::vector<core::AuditRow>> Audit(int64_t limit) override {
    MutexLock lock(t_->mutex);
    std::vector<core::AuditRow> rows(t_->audit.rbegin(), t_->audit.rend());
    return FirstOf(std::move(rows), limit);
  }

  Result<std::optional<core::ModelRow>> Model(const std::string& model) override {
    MutexLock lock(t_->mutex);
    const auto found = t_->models.find(model);
    if (found == t_->models.end()) return std::optional<core::ModelRow>();
    return std::optional<core::ModelRow>(found->second);
  }

  Result<std::vector<core::ModelRow>> Models(const std::string& after, int64_t limit) override {
    MutexLock lock(t_->mutex);
    std::vector<core::ModelRow> rows;
    for (auto it = t_->models.upper_bound(after);
         it != t_->models.end() && static_cast<int64_t>(rows.size()) < limit; ++it) {
      rows.push_back(it->second);
    }
    return rows;
  }

  Result<std::vector<core::FlagRow>> Flags(const std::string& model, bool lifted,
                                           int64_t limit) override {
    MutexLock lock(t_->mutex);
    std::vector<core::FlagRow> rows;
    for (const auto& [key, row] : t_->flags) {
      if (!model.empty() && row.model != model) continue;
      if (lifted || row.lifted_at == WallTime{}) rows.push_back(row);
    }
    return FirstOf(std::move(rows), limit);
  }

  Result<std::vector<core::ImportRow>> Imports(const std::string& kind, const std::string& after,
                                               int64_t limit) override {
    MutexLock lock(t_->mutex);
    std::vector<core::ImportRow> rows;
    for (auto it = t_->imports.upper_bound({kind, after});
         it != t_->imports.end() && it->second.kind == kind &&
         static_cast<int64_t>(rows.size()) < limit;
         ++it) {
      rows.push_back(it->second);
    }
    return rows;
  }

  Result<std::optional<core::ImportRow>> Import(const std::string& kind,
                                                const std::string& path) override {
    MutexLock lock(t_->mutex);
    const auto found = t_->imports.find({kind, path});
    if (found == t_->imports.end()) return std::optional<core::ImportRow>();
    return std::optional<core::ImportRow>(found->second);
  }

  Result<std::string> ImportText(const std::string& kind, const std::string& path) override {
    MutexLock lock(t_->mutex);
    const auto found = t_->import_texts.find({kind, path});
    if (found == t_->import_texts.end()) return NotFound("there is no imported file " + path);
    return found->second.text;
  }

 private:
  const std::shared_ptr<Tables> t_;
};

class MemoryStore final : public JobStore {
 public:
  explicit MemoryStore(std::shared_ptr<Tables> tables) : t_(std::move(tables)) {}

  Status Commit(std::span<const core::Mutation> mutations) override {
    MutexLock lock(t_->mutex);
    RETURN_IF_ERROR(CheckKeys(mutations));
    for (const core::Mutation& mutation : mutations) {
      std::visit([this](const auto& row) REQUIRES(t_->mutex) { Apply(row); }, mutation);
    }
    return OkStatus();
  }

  Result<Snapshot> Load() override {
    MutexLock lock(t_->mutex);
    Snapshot snapshot;
    for (const auto& [number, row] : t_->requests) snapshot.requests.push_back(row);
    for (const auto& [id, row] : t_->leases) snapshot.leases.push_back(row);
    for (const auto& [key, row] : t_->attempts) {
      if (row.ending.empty()) snapshot.open_attempts.push_back(row);
    }
    for (const auto& [key, value] : t_->meta) snapshot.meta.push_back({key, value});
    for (const auto& [number, row] : t_->requests) {
      if (row.phase == core::Phase::kDone) continue;
      for (auto it = t_->batches.lower_bound({row.id.text, row.round, INT64_MIN});
           it != t_->batches.end() && it->second.request == row.id && it->second.round == row.round;
           ++it) {
        snapshot.batches.push_back({row.id, row.round, it->second.batch});
      }
    }
    return snapshot;
  }

  Result<std::unique_ptr<Reader>> OpenReader() override {
    return std::unique_ptr<Reader>(std::make_unique<MemoryReader>(t_));
  }

  Status Backup(const std::string& path) override {
    if (::access(path.c_str(), F_OK) == 0) {
      return AlreadyExists(path + " is there already; choose another name");
    }
    ASSIGN_OR_RETURN(const auto copy, OpenSqliteStore(path));
    return copy->Commit(Everything());
  }

 private:
  // What the SQLite store refuses by its keys, refused before anything changes.
  Status CheckKeys(std::span<const core::Mutation> mutations) REQUIRES(t_->mutex) {
    std::set<BatchKey> batches;
    std::set<int64_t> events;
    std::map<int64_t, std::string> ids;      // of this commit, by number
    std::map<std::string, int64_t> numbers;  // the other way round
    for (const core::Mutation& mutation : mutations) {
      if (const auto* batch = std::get_if<core::BatchRow>(&mutation)) {
        const BatchKey key{batch->request.text, batch->round, batch->batch};
        if (t_->batches.contains(key) || !batches.insert(key).second) {
          return AlreadyExists("a batch of this number is stored already");
        }
      } else if (const auto* event = std::get_if<core::EventRow>(&mutation)) {
        if (t_->events.contains(event->seq) || !events.insert(event->seq).second) {
          return AlreadyExists("an event of this number is stored already");
        }
      } else if (const auto* request = std::get_if<core::RequestRow>(&mutation)) {
        const auto stored = t_->requests.find(request->number);
        const auto number = t_->numbers.find(request->id.text);
        const bool taken =
            (stored != t_->requests.end() && stored->second.id != request->id) ||
            (number != t_->numbers.end() && number->second != request->number) ||
            ids.try_emplace(request->number, request->id.text).first->second != request->id.text ||
            numbers.try_emplace(request->id.text, request->number).first->second != request->number;
        if (taken) return AlreadyExists("a request of this id or number is stored already");
      }
    }
    return OkStatus();
  }

  std::vector<core::Mutation> Everything() {
    MutexLock lock(t_->mutex);
    std::vector<core::Mutation> out;
    const auto add = [&out](const auto& map) {
      for (const auto& [key, row] : map) out.emplace_back(row);
    };
    add(t_->requests);
    add(t_->attempts);
    add(t_->leases);
    add(t_->batches);
    add(t_->scores);
    add(t_->events);
    for (const core::AuditRow& row : t_->audit) out.emplace_back(row);
    for (const auto& [key, value] : t_->meta) out.emplace_back(core::MetaRow{key, value});
    add(t_->models);
    add(t_->flags);
    add(t_->imports);
    add(t_->import_texts);
    return out;
  }

  void Apply(const core::RequestRow& row) REQUIRES(t_->mutex) {
    t_->requests[row.number] = row;
    t_->numbers[row.id.text] = row.number;
  }
  void Apply(const core::AttemptRow& row) REQUIRES(t_->mutex) {
    t_->attempts[{row.request.text, row.round, row.attempt}] = row;
  }
  void Apply(const core::LeaseRow& row) REQUIRES(t_->mutex) { t_->leases[row.id.value] = row; }
  void Apply(const core::RemoveLease& row) REQUIRES(t_->mutex) { t_->leases.erase(row.id.value); }
  void Apply(const core::BatchRow& row) REQUIRES(t_->mutex) {
    t_->batches[{row.request.text, row.round, row.batch}] = row;
  }
  void Apply(const core::ScoreRow& row) REQUIRES(t_->mutex) {
    t_->scores[{row.request.text, row.round}] = row;
  }
  void Apply(const core::EventRow& row) REQUIRES(t_->mutex) { t_->events[row.seq] = row; }
  void Apply(const core::AuditRow& row) REQUIRES(t_->mutex) { t_->audit.push_back(row); }
  void Apply(const core::MetaRow& row) REQUIRES(t_->mutex) {
    if (row.value.empty()) {
      t_->meta.erase(row.key);
    } else {
      t_->meta[row.key] = row.value;
    }
  }
  void Apply(const core::ModelRow& row) REQUIRES(t_->mutex) { t_->models[row.model] = row; }
  void Apply(const core::FlagRow& row) REQUIRES(t_->mutex) {
    t_->flags[{row.model, row.set_at.micros}] = row;
  }
  void Apply(const core::ImportRow& row) REQUIRES(t_->mutex) {
    t_->imports[{row.kind, row.path}] = row;
  }
  void Apply(const core::ImportTextRow& row) REQUIRES(t_->mutex) {
    t_->import_texts[{row.kind, row.path}] = row;
  }

  const std::shared_ptr<Tables> t_;
};

}  // namespace

std::unique_ptr<JobStore> OpenMemoryStore() {
  return std::make_unique<MemoryStore>(std::make_shared<Tables>());
}

}  // namespace koeval::store
