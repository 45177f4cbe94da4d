// Queries; one lock lets any thread use the reader.
#include "scheduler/store/sqlite_reader.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/base/mutex.h"
#include "scheduler/store/row_json.h"
#include "scheduler/store/sqlite.h"

namespace koeval::store {
namespace {

class SqliteReader final : public Reader {
 public:
  explicit SqliteReader(std::unique_ptr<Database> database) : database_(std::move(database)) {}

  Result<core::RequestRow> GetRequest(const RequestId& id) override {
    MutexLock lock(mutex_);
    Statement statement = database_->Prepare("SELECT data FROM requests WHERE id = ?");
    statement.Bind(id.text);
    ASSIGN_OR_RETURN(const bool found, statement.Step());
    if (!found) return NotFound("there is no request " + id.text);
    return DecodeRequest(statement.Text(0));
  }

  Result<std::vector<core::RequestRow>> ListRequests(const RequestFilter& filter,
                                                     const Page& page) override {
    const std::string sql = ListSql(filter, page);
    MutexLock lock(mutex_);
    sqlite3_stmt* raw = nullptr;
    const int code = sqlite3_prepare_v2(database_->handle(), sql.c_str(), -1, &raw, nullptr);
    if (code != SQLITE_OK) {
      return SqliteStatus(code, sqlite3_errmsg(database_->handle()), database_->path());
    }
    const std::unique_ptr<sqlite3_stmt, int (*)(sqlite3_stmt*)> owned(raw, sqlite3_finalize);
    Statement statement(raw, database_->path());
    statement.Bind(page.newest_first && page.after_number == 0 ? INT64_MAX : page.after_number);
    if (!filter.suite.empty()) statement.Bind(filter.suite);
    if (!filter.model.empty()) statement.Bind(filter.model);
    if (!filter.submitter.empty()) statement.Bind(filter.submitter);
    statement.Bind(page.limit);
    std::vector<core::RequestRow> rows;
    while (true) {
      ASSIGN_OR_RETURN(const bool more, statement.Step());
      if (!more) return rows;
      ASSIGN_OR_RETURN(core::RequestRow row, DecodeRequest(statement.Text(0)));
      rows.push_back(std::move(row));
    }
  }

  Result<std::vector<core::AttemptRow>> Attempts(const RequestId& id) override {
    MutexLock lock(mutex_);
    Statement statement =
        database_->Prepare("SELECT data FROM attempts WHERE request = ? ORDER BY round, attempt");
    statement.Bind(id.text);
    std::vector<core::AttemptRow> rows;
    while (true) {
      ASSIGN_OR_RETURN(const bool more, statement.Step());
      if (!more) return rows;
      ASSIGN_OR_RETURN(core::AttemptRow row, DecodeAttempt(statement.Text(0)));
      rows.push_back(std::move(row));
    }
  }

  Result<std::vector<core::BatchRow>> Batches(const RequestId& id, int64_t round) override {
    MutexLock lock(mutex_);
    Statement statement = database_->Prepare(
        "SELECT batch, worker, lease, run_ms, stored_at, results FROM batches"
        " WHERE request = ? AND round = ? ORDER BY batch");
    statement.Bind(id.text).Bind(round);
    std::vector<core::BatchRow> rows;
    while (true) {
      ASSIGN_OR_RETURN(const bool more, statement.Step());
      if (!more) return rows;
      core::BatchRow row;
      row.request = id;
      row.round = round;
      row.batch = statement.Int(0);
      row.worker = {statement.Text(1)};
      row.lease = {statement.Int(2)};
      row.run_ms = statement.Int(3);
      row.stored_at = {statement.Int(4)};
      row.results_json = statement.Text(5);
      rows.push_back(std::move(row));
    }
  }

  Result<std::optional<core::ScoreRow>> Score(const RequestId& id, int64_t round) override {
    MutexLock lock(mutex_);
    Statement statement = database_->Prepare(
        "SELECT request, round, average, finished_at, scores FROM scores"
        " WHERE request = ? AND round = ?");
    statement.Bind(id.text).Bind(round);
    ASSIGN_OR_RETURN(const bool found, statement.Step());
    if (!found) return std::optional<core::ScoreRow>();
    return std::optional<core::ScoreRow>(ScoreOf(statement));
  }

  Result<std::vector<core::ScoreRow>> Scores(const std::string& suite, int64_t limit) override {
    MutexLock lock(mutex_);
    Statement statement = database_->Prepare(
        "SELECT s.request, s.round, s.average, s.finished_at, s.scores FROM scores s"
        " JOIN requests r ON r.id = s.request AND r.round = s.round"
        " WHERE r.state = 'FINISHED' AND r.suite = ?"
        " ORDER BY s.average DESC, s.finished_at, s.request LIMIT ?");
    statement.Bind(suite).Bind(limit);
    std::vector<core::ScoreRow> rows;
    while (true) {
      ASSIGN_OR_RETURN(const bool more, statement.Step());
      if (!more) return rows;
      rows.push_back(ScoreOf(statement));
    }
  }

  Result<std::vector<core::EventRow>> Events(int64_t after, const RequestId& id,
                                             int64_t limit) override {
    MutexLock lock(mutex_);
    Statement statement = id.text.empty()
                              ? database_->Prepare(
                                    "SELECT seq, at, request, kind, text FROM events"
                                    " WHERE seq > ? ORDER BY seq LIMIT ?")
                              : database_->Prepare(
                                    "SELECT seq, at, request, kind, text FROM events"
                                    " WHERE request = ? AND seq > ? ORDER BY seq LIMIT ?");
    if (!id.text.empty()) statement.Bind(id.text);
    statement.Bind(after).Bind(limit);
    std::vector<core::EventRow> rows;
    while (true) {
      ASSIGN_OR_RETURN(const bool more, statement.Step());
      if (!more) return rows;
      rows.push_back({statement.Int(0),
                      {statement.Int(1)},
                      {statement.Text(2)},
                      statement.Text(3),
                      statement.Text(4)});
    }
  }

  Result<std::vector<core::AuditRow>> Audit(int64_t limit) override {
    MutexLock lock(mutex_);
    Statement statement = database_->Prepare(
        "SELECT at, who, role, action, target, detail FROM audit ORDER BY id DESC LIMIT ?");
    statement.Bind(limit);
    std::vector<core::AuditRow> rows;
    while (true) {
      ASSIGN_OR_RETURN(const bool more, statement.Step());
      if (!more) return rows;
      rows.push_back({{statement.Int(0)},
                      statement.Text(1),
                      statement.Text(2),
                      statement.Text(3),
                      statement.Text(4),
                      statement.Text(5)});
    }
  }

 private:
  // Only the shape depends on the filter; every value is bound.
  static std::string ListSql(const RequestFilter& filter, const Page& page) {
    std::string where = page.newest_first ? "number < ?" : "number > ?";
    if (!filter.suite.empty()) where += " AND suite = ?";
    if (!filter.model.empty()) where += " AND instr(model, ?) > 0";
    if (!filter.submitter.empty()) where += " AND submitter = ?";
    if (!filter.states.empty()) {
      std::vector<std::string> names;
      for (const core::RequestState state : filter.states) {
        names.push_back(fmt::format("'{}'", core::StateName(state)));
      }
      where += fmt::format(" AND state IN ({})", fmt::join(names, ","));
    }
    return fmt::format("SELECT data FROM requests WHERE {} ORDER BY number {} LIMIT ?", where,
                       page.newest_first ? "DESC" : "ASC");
  }

  static core::ScoreRow ScoreOf(const Statement& statement) {
    core::ScoreRow row;
    row.request = {statement.Text(0)};
    row.round = statement.Int(1);
    row.average = statement.Double(2);
    row.finished_at = {statement.Int(3)};
    row.scores_json = statement.Text(4);
    return row;
  }

  Mutex mutex_;
  const std::unique_ptr<Database> database_;
};

}  // namespace

Result<std::unique_ptr<Reader>> OpenSqliteReader(const std::string& path) {
  ASSIGN_OR_RETURN(auto database, Database::Open(path, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX));
  RETURN_IF_ERROR(database->Execute("PRAGMA query_only = 1"));
  return std::unique_ptr<Reader>(std::make_unique<SqliteReader>(std::move(database)));
}

}  // namespace koeval::store
