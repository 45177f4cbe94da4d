// Reading whole tables, and moving aside what cannot be read.
#include "scheduler/store/sqlite_load.h"

#include <fmt/format.h>

#include <array>
#include <cstdlib>
#include <string>
#include <vector>

#include "common/base/log.h"
#include "scheduler/store/rows.h"

namespace koeval::store {
namespace {

struct BadRow {
  std::string table;
  std::string condition;  // SQL that is true for this row alone
  std::string reason;
};

// A text as an SQL literal, whatever bytes it holds.
std::string Literal(std::string_view text) {
  std::string hex;
  for (const char byte : text) hex += fmt::format("{:02x}", static_cast<unsigned char>(byte));
  return fmt::format("CAST(x'{}' AS TEXT)", hex);
}

class Loader {
 public:
  explicit Loader(Database& database) : database_(database) {}

  Result<core::Snapshot> Load() {
    core::Snapshot snapshot;
    RETURN_IF_ERROR(Read("requests", "ORDER BY number", snapshot.requests,
                         [](const auto& s) { return fmt::format("number = {}", s.Int(0)); }));
    if (!bad_.empty()) RETURN_IF_ERROR(MoveAside(true));
    RETURN_IF_ERROR(Read("leases", "ORDER BY id", snapshot.leases,
                         [](const auto& s) { return fmt::format("id = {}", s.Int(0)); }));
    RETURN_IF_ERROR(Read("attempts", "WHERE ending = '' ORDER BY request, round, attempt",
                         snapshot.open_attempts, [](const auto& s) {
                           return fmt::format("request = {} AND round = {} AND attempt = {}",
                                              Literal(s.View(0)), s.Int(1), s.Int(2));
                         }));
    if (!bad_.empty()) RETURN_IF_ERROR(MoveAside(false));
    RETURN_IF_ERROR(Read("meta", "ORDER BY key", snapshot.meta, [](const auto& s) {
      return fmt::format("key = {}", Literal(s.View(0)));
    }));
    if (!bad_.empty()) {
      return SqliteStatus(SQLITE_CORRUPT, "the row of meta with " + bad_.front().condition,
                          database_.path());
    }
    RETURN_IF_ERROR(ReadBatches(snapshot));
    return snapshot;
  }

 private:
  // Appends the rows of `table`; those that cannot be read go to bad_, named by `condition`.
  template <typename Row, typename Condition>
  Status Read(const std::string& table, std::string_view rest, std::vector<Row>& rows,
              const Condition& condition) {
    Statement statement =
        database_.Prepare(fmt::format("SELECT {} FROM {} {}", ColumnList<Row>(table), table, rest));
    while (true) {
      ASSIGN_OR_RETURN(const bool more, statement.Step());
      if (!more) return OkStatus();
      auto row = ReadRow<Row>(statement);
      if (row.ok()) {
        rows.push_back(*std::move(row));
        continue;
      }
      bad_.push_back({table, condition(statement), row.status().message()});
      if (++bad_count_ > kQuarantinedMax) {
        return SqliteStatus(
            SQLITE_CORRUPT,
            fmt::format("over {} rows cannot be read, the last one in {}", kQuarantinedMax, table),
            database_.path());
      }
    }
  }

  // The plan is fixed and every batch of the round is stored under it, so an index gives it all.
  Status ReadBatches(core::Snapshot& snapshot) {
    Statement statement = database_.Prepare(
        "SELECT b.request, b.round, b.batch FROM requests r CROSS JOIN batches b"
        " ON b.request = r.id AND b.round = r.round WHERE r.phase <> 'done'"
        " ORDER BY r.number, b.batch");
    while (true) {
      ASSIGN_OR_RETURN(const bool more, statement.Step());
      if (!more) return OkStatus();
      snapshot.batches.push_back({{statement.Text(0)}, statement.Int(1), statement.Int(2)});
    }
  }

  // Moves what bad_ names to the quarantine and forgets it; with `sweep`, also everything that
  // belongs to requests that are not there.
  Status MoveAside(bool sweep) {
    RETURN_IF_ERROR(database_.Execute("BEGIN IMMEDIATE"));
    Status status = MoveAll(sweep);
    if (status.ok()) status = database_.Execute("COMMIT");
    if (!status.ok()) (void)database_.Execute("ROLLBACK");
    bad_.clear();
    return status;
  }

  Status MoveAll(bool sweep) {
    for (const BadRow& bad : bad_) RETURN_IF_ERROR(Move(bad));
    if (!sweep) return OkStatus();
    const std::string reason = "its request is in the quarantine";
    for (const char* table : {"leases", "attempts", "batches", "scores"}) {
      RETURN_IF_ERROR(Move({table, "request NOT IN (SELECT id FROM requests)", reason}));
    }
    struct Prefix {
      std::string_view text;
      std::string_view id;  // SQL: the request's id in the key behind the prefix
    };
    static constexpr std::string_view kRest = "substr(key, instr(key, ':') + 1)";
    const std::string until_colon =
        fmt::format("substr({0}, 1, instr({0} || ':', ':') - 1)", kRest);
    const std::array<Prefix, 3> prefixes = {
        {{"active:", kRest}, {"class:", kRest}, {"faults:", until_colon}}};
    for (const Prefix& prefix : prefixes) {
      RETURN_IF_ERROR(Move({"meta",
                            fmt::format("substr(key, 1, {}) = '{}' AND {} NOT IN (SELECT id FROM "
                                        "requests)",
                                        prefix.text.size(), prefix.text, prefix.id),
                            reason}));
    }
    return OkStatus();
  }

  Status Move(const BadRow& bad) {
    ASSIGN_OR_RETURN(const std::string row, QuotedColumns(bad.table));
    RETURN_IF_ERROR(database_.Execute(
        fmt::format("INSERT INTO quarantine (source, reason, row) SELECT '{}', {}, {} FROM {} "
                    "WHERE {}",
                    bad.table, Literal(bad.reason), row, bad.table, bad.condition)));
    if (database_.Changes() == 0) return OkStatus();
    spdlog::error("{}: {} rows of {} moved to the table quarantine: {}", database_.path(),
                  database_.Changes(), bad.table, LogSafe(bad.reason));
    return database_.Execute(fmt::format("DELETE FROM {} WHERE {}", bad.table, bad.condition));
  }

  // SQL for a row as text: its columns as SQL literals.
  Result<std::string> QuotedColumns(const std::string& table) {
    return database_.Query(
        fmt::format("SELECT group_concat('quote(' || name || ')', ' || '', '' || ') FROM "
                    "pragma_table_info('{}')",
                    table));
  }

  Database& database_;
  std::vector<BadRow> bad_;
  int64_t bad_count_ = 0;
};

}  // namespace

Result<core::Snapshot> LoadSnapshot(Database& database) {
  return Loader(database).Load();
}

Result<int64_t> CountQuarantined(Database& database) {
  ASSIGN_OR_RETURN(const std::string count, database.Query("SELECT count(*) FROM quarantine"));
  return std::atoll(count.c_str());
}

}  // namespace koeval::store
