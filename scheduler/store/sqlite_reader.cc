// Queries; one lock lets any thread use the reader.
#include "scheduler/store/sqlite_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "common/base/mutex.h"
#include "scheduler/store/rows.h"
#include "scheduler/store/sqlite.h"

namespace koeval::store {
namespace {

// "SELECT <columns of Row> FROM <table> <rest>".
template <typename Row>
std::string Select(std::string_view table, std::string_view rest) {
  return fmt::format("SELECT {} FROM {} {}", ColumnList<Row>(table), table, rest);
}

// The text for `filter` and `page`: parameters 1 to 5 are the bound of numbers, the limit, suite,
// model and submitter. Each state is a query of its own, so that the index on (state, number) gives
// the page in order however many rows other states have.
std::string ListSql(const RequestFilter& filter, const Page& page) {
  static const std::string columns = ColumnList<core::RequestRow>("requests");
  const std::string order = page.newest_first ? "ORDER BY number DESC" : "ORDER BY number";
  const auto numbers = [&](const std::string& of_state) {
    return fmt::format(
        "SELECT * FROM (SELECT number FROM requests WHERE number {} ?1{} AND (?3 = '' OR suite = "
        "?3) AND (?4 = '' OR instr(model, ?4) > 0) AND (?5 = '' OR submitter = ?5) {} LIMIT ?2)",
        page.newest_first ? "<" : ">", of_state, order);
  };
  std::set<std::string> parts;
  for (const core::RequestState state : filter.states) {
    parts.insert(numbers(fmt::format(" AND state = '{}'", core::StateName(state))));
  }
  if (parts.empty()) parts.insert(numbers(""));
  return fmt::format("SELECT {} FROM requests WHERE number IN ({}) {} LIMIT ?2", columns,
                     fmt::join(parts, " UNION ALL "), order);
}

class SqliteReader final : public Reader {
 public:
  explicit SqliteReader(std::unique_ptr<Database> database) : database_(std::move(database)) {}

  Result<core::RequestRow> GetRequest(const RequestId& id) override {
    static const std::string sql = Select<core::RequestRow>("requests", "WHERE id = ?");
    MutexLock lock(mutex_);
    Statement statement = database_->Prepare(sql);
    statement.Bind(id.text);
    ASSIGN_OR_RETURN(const bool found, statement.Step());
    if (!found) return NotFound("there is no request " + id.text);
    return ReadOne<core::RequestRow>(statement, "requests");
  }

  Result<std::vector<core::RequestRow>> ListRequests(const RequestFilter& filter,
                                                     const Page& page) override {
    const std::string sql = ListSql(filter, page);
    MutexLock lock(mutex_);
    Statement statement = database_->Prepare(sql);
    statement.Bind(page.newest_first && page.after_number == 0 ? INT64_MAX : page.after_number)
        .Bind(std::max<int64_t>(0, page.limit))
        .Bind(filter.suite)
        .Bind(filter.model)
        .Bind(filter.submitter);
    return ReadAll<core::RequestRow>(statement, "requests");
  }

  Result<int64_t> CountRequestsOf(const std::string& bundle_digest) override {
    MutexLock lock(mutex_);
    Statement statement =
        database_->Prepare("SELECT count(*) FROM requests WHERE bundle_digest = ?");
    statement.Bind(bundle_digest);
    ASSIGN_OR_RETURN(const bool found, statement.Step());
    return found ? statement.Int(0) : 0;
  }

  Result<std::vector<core::AttemptRow>> Attempts(const RequestId& id) override {
    static const std::string sql =
        Select<core::AttemptRow>("attempts", "WHERE request = ? ORDER BY round, attempt");
    MutexLock lock(mutex_);
    Statement statement = database_->Prepare(sql);
    statement.Bind(id.text);
    return ReadAll<core::AttemptRow>(statement, "attempts");
  }

  Result<std::vector<core::BatchRow>> Batches(const RequestId& id, int64_t round) override {
    static const std::string sql =
        Select<core::BatchRow>("batches", "WHERE request = ? AND round = ? ORDER BY batch");
    MutexLock lock(mutex_);
    Statement statement = database_->Prepare(sql);
    statement.Bind(id.text).Bind(round);
    return ReadAll<core::BatchRow>(statement, "batches");
  }

  Result<std::optional<core::ScoreRow>> Score(const RequestId& id, int64_t round) override {
    static const std::string sql =
        Select<core::ScoreRow>("scores", "WHERE request = ? AND round = ?");
    MutexLock lock(mutex_);
    Statement statement = database_->Prepare(sql);
    statement.Bind(id.text).Bind(round);
    return ReadOptional<core::ScoreRow>(statement, "scores");
  }

  Result<std::vector<core::EventRow>> Events(int64_t after, const RequestId& id,
                                             int64_t limit) override {
    static const std::string all =
        Select<core::EventRow>("events", "WHERE seq > ?1 AND ?3 = '' ORDER BY seq LIMIT ?2");
    static const std::string of_one =
        Select<core::EventRow>("events", "WHERE request = ?3 AND seq > ?1 ORDER BY seq LIMIT ?2");
    MutexLock lock(mutex_);
    Statement statement = database_->Prepare(id.text.empty() ? all : of_one);
    statement.Bind(after).Bind(std::max<int64_t>(0, limit)).Bind(id.text);
    return ReadAll<core::EventRow>(statement, "events");
  }

  Result<std::vector<core::AuditRow>> Audit(int64_t limit) override {
    static const std::string sql = Select<core::AuditRow>("audit", "ORDER BY id DESC LIMIT ?");
    MutexLock lock(mutex_);
    Statement statement = database_->Prepare(sql);
    statement.Bind(std::max<int64_t>(0, limit));
    return ReadAll<core::AuditRow>(statement, "audit");
  }

  Result<std::optional<core::ModelRow>> Model(const std::string& model) override {
    static const std::string sql = Select<core::ModelRow>("models", "WHERE model = ?");
    MutexLock lock(mutex_);
    Statement statement = database_->Prepare(sql);
    statement.Bind(model);
    return ReadOptional<core::ModelRow>(statement, "models");
  }

  Result<std::vector<core::ModelRow>> Models(const std::string& after, int64_t limit) override {
    static const std::string sql =
        Select<core::ModelRow>("models", "WHERE model > ? ORDER BY model LIMIT ?");
    MutexLock lock(mutex_);
    Statement statement = database_->Prepare(sql);
    statement.Bind(after).Bind(std::max<int64_t>(0, limit));
    return ReadAll<core::ModelRow>(statement, "models");
  }

  Result<std::vector<core::FlagRow>> Flags(const std::string& model, bool lifted,
                                           int64_t limit) override {
    static const std::string all = Select<core::FlagRow>(
        "flags", "WHERE (?1 = '' OR model = ?1) ORDER BY model, set_at LIMIT ?2");
    static const std::string in_force = Select<core::FlagRow>(
        "flags", "WHERE (?1 = '' OR model = ?1) AND lifted_at = 0 ORDER BY model, set_at LIMIT ?2");
    MutexLock lock(mutex_);
    Statement statement = database_->Prepare(lifted ? all : in_force);
    statement.Bind(model).Bind(std::max<int64_t>(0, limit));
    return ReadAll<core::FlagRow>(statement, "flags");
  }

  Result<std::vector<core::ImportRow>> Imports(const std::string& kind, const std::string& after,
                                               int64_t limit) override {
    static const std::string sql =
        Select<core::ImportRow>("imports", "WHERE kind = ? AND path > ? ORDER BY path LIMIT ?");
    MutexLock lock(mutex_);
    Statement statement = database_->Prepare(sql);
    statement.Bind(kind).Bind(after).Bind(std::max<int64_t>(0, limit));
    return ReadAll<core::ImportRow>(statement, "imports");
  }

  Result<std::optional<core::ImportRow>> Import(const std::string& kind,
                                                const std::string& path) override {
    static const std::string sql =
        Select<core::ImportRow>("imports", "WHERE kind = ? AND path = ?");
    MutexLock lock(mutex_);
    Statement statement = database_->Prepare(sql);
    statement.Bind(kind).Bind(path);
    return ReadOptional<core::ImportRow>(statement, "imports");
  }

  Result<std::string> ImportText(const std::string& kind, const std::string& path) override {
    static const std::string sql =
        Select<core::ImportTextRow>("import_texts", "WHERE kind = ? AND path = ?");
    MutexLock lock(mutex_);
    Statement statement = database_->Prepare(sql);
    statement.Bind(kind).Bind(path);
    ASSIGN_OR_RETURN(auto row, ReadOptional<core::ImportTextRow>(statement, "import_texts"));
    if (!row) return NotFound("there is no imported file " + path);
    return std::move(row->text);
  }

 private:
  template <typename Row>
  Result<std::optional<Row>> ReadOptional(Statement& statement, std::string_view table) const {
    ASSIGN_OR_RETURN(const bool found, statement.Step());
    if (!found) return std::optional<Row>();
    ASSIGN_OR_RETURN(Row row, ReadOne<Row>(statement, table));
    return std::optional<Row>(std::move(row));
  }

  template <typename Row>
  Result<Row> ReadOne(const Statement& statement, std::string_view table) const {
    auto row = ReadRow<Row>(statement);
    if (row.ok()) return row;
    return SqliteStatus(SQLITE_CORRUPT,
                        fmt::format("a row of {}: {}", table, row.status().message()),
                        database_->path());
  }

  template <typename Row>
  Result<std::vector<Row>> ReadAll(Statement& statement, std::string_view table) const {
    std::vector<Row> rows;
    while (true) {
      ASSIGN_OR_RETURN(const bool more, statement.Step());
      if (!more) return rows;
      ASSIGN_OR_RETURN(Row row, ReadOne<Row>(statement, table));
      rows.push_back(std::move(row));
    }
  }

  Mutex mutex_;
  const std::unique_ptr<Database> database_;
};

}  // namespace

Result<std::unique_ptr<Reader>> OpenSqliteReader(const std::string& path, const std::string& vfs) {
  ASSIGN_OR_RETURN(auto database,
                   Database::Open(path, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, vfs));
  sqlite3_db_config(database->handle(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  RETURN_IF_ERROR(database->Execute("PRAGMA query_only = 1"));
  return std::unique_ptr<Reader>(std::make_unique<SqliteReader>(std::move(database)));
}

}  // namespace koeval::store
