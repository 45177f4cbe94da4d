// SQL texts made from the column lists, and the visitors at work.
#include "scheduler/store/rows.h"

#include <fmt/format.h>

#include <vector>

#include "scheduler/store/columns.h"
#include "scheduler/store/row_visitors.h"

namespace koeval::store {
namespace {

struct NameVisitor {
  std::vector<std::string> names;
  template <typename Field>
  void operator()(const char* name, const Field& /*field*/) {
    names.emplace_back(name);
  }
};

template <typename Row>
std::vector<std::string> ColumnNames() {
  NameVisitor visit;
  const Row row{};
  VisitColumns(visit, row);
  visit.names.emplace_back("checksum");
  return std::move(visit.names);
}

template <typename Row>
int64_t Checksum(const Row& row, std::string_view plan) {
  ChecksumVisitor visit(plan);
  VisitColumns(visit, row);
  return visit.value();
}

std::string PlanText(const core::RequestRow& row) {
  return row.plan ? EncodePlan(*row.plan) : "";
}
template <typename Row>
std::string PlanText(const Row& /*row*/) {
  return "";
}

// The statement that writes a row into `table`; `key` names the columns of the row that it
// replaces, and is empty where rows never change.
template <typename Row>
std::string WriteSql(std::string_view table, std::string_view key) {
  const std::vector<std::string> names = ColumnNames<Row>();
  std::string sql = fmt::format("INSERT INTO {} ({}) VALUES (?", table, fmt::join(names, ", "));
  for (size_t i = 1; i < names.size(); ++i) sql += ", ?";
  sql += ")";
  if (key.empty()) return sql;
  std::vector<std::string> sets;
  for (const std::string& name : names) sets.push_back(fmt::format("{0} = excluded.{0}", name));
  return fmt::format("{} ON CONFLICT ({}) DO UPDATE SET {}", sql, key, fmt::join(sets, ", "));
}

template <typename Row>
Status Write(Database& database, const std::string& sql, const Row& row) {
  const std::string plan = PlanText(row);
  Statement statement = database.Prepare(sql);
  BindVisitor visit(statement, plan);
  VisitColumns(visit, row);
  return statement.Bind(Checksum(row, plan)).Run();
}

}  // namespace

template <typename Row>
std::string ColumnList(std::string_view table) {
  std::vector<std::string> names = ColumnNames<Row>();
  for (std::string& name : names) name = fmt::format("{}.{}", table, name);
  return fmt::format("{}", fmt::join(names, ", "));
}

template <typename Row>
Result<Row> ReadRow(const Statement& statement) {
  Row row;
  ReadVisitor visit(statement);
  VisitColumns(visit, row);
  RETURN_IF_ERROR(visit.status());
  if (statement.Int(visit.column()) != Checksum(row, visit.plan())) {
    return DataLoss("the checksum differs");
  }
  return row;
}

Status WriteRow(Database& database, const core::RequestRow& row) {
  static const std::string sql = WriteSql<core::RequestRow>("requests", "number");
  static const std::string other = "SELECT 1 FROM requests WHERE number = ? AND id <> ?";
  Statement taken = database.Prepare(other);
  ASSIGN_OR_RETURN(const bool found, taken.Bind(row.number).Bind(row.id.text).Step());
  if (found) return AlreadyExists(fmt::format("request number {} is taken", row.number));
  return Write(database, sql, row);
}

Status WriteRow(Database& database, const core::AttemptRow& row) {
  static const std::string sql = WriteSql<core::AttemptRow>("attempts", "request, round, attempt");
  return Write(database, sql, row);
}

Status WriteRow(Database& database, const core::LeaseRow& row) {
  static const std::string sql = WriteSql<core::LeaseRow>("leases", "id");
  return Write(database, sql, row);
}

Status WriteRow(Database& database, const core::RemoveLease& row) {
  static const std::string sql = "DELETE FROM leases WHERE id = ?";
  return database.Prepare(sql).Bind(row.id.value).Run();
}

Status WriteRow(Database& database, const core::BatchRow& row) {
  static const std::string sql = WriteSql<core::BatchRow>("batches", "");
  return Write(database, sql, row);
}

Status WriteRow(Database& database, const core::ScoreRow& row) {
  static const std::string sql = WriteSql<core::ScoreRow>("scores", "request, round");
  return Write(database, sql, row);
}

Status WriteRow(Database& database, const core::EventRow& row) {
  static const std::string sql = WriteSql<core::EventRow>("events", "");
  return Write(database, sql, row);
}

Status WriteRow(Database& database, const core::AuditRow& row) {
  static const std::string sql = WriteSql<core::AuditRow>("audit", "");
  return Write(database, sql, row);
}

Status WriteRow(Database& database, const core::MetaRow& row) {
  static const std::string remove = "DELETE FROM meta WHERE key = ?";
  static const std::string sql = WriteSql<core::MetaRow>("meta", "key");
  if (row.value.empty()) return database.Prepare(remove).Bind(row.key).Run();
  return Write(database, sql, row);
}

Status WriteRow(Database& database, const core::ModelRow& row) {
  static const std::string sql = WriteSql<core::ModelRow>("models", "model");
  return Write(database, sql, row);
}

Status WriteRow(Database& database, const core::FlagRow& row) {
  static const std::string sql = WriteSql<core::FlagRow>("flags", "model, set_at");
  return Write(database, sql, row);
}

Status WriteRow(Database& database, const core::ImportRow& row) {
  static const std::string sql = WriteSql<core::ImportRow>("imports", "kind, path");
  return Write(database, sql, row);
}

Status WriteRow(Database& database, const core::ImportTextRow& row) {
  static const std::string sql = WriteSql<core::ImportTextRow>("import_texts", "kind, path");
  return Write(database, sql, row);
}

template std::string ColumnList<core::RequestRow>(std::string_view);
template std::string ColumnList<core::AttemptRow>(std::string_view);
template std::string ColumnList<core::LeaseRow>(std::string_view);
template std::string ColumnList<core::BatchRow>(std::string_view);
template std::string ColumnList<core::ScoreRow>(std::string_view);
template std::string ColumnList<core::EventRow>(std::string_view);
template std::string ColumnList<core::AuditRow>(std::string_view);
template std::string ColumnList<core::MetaRow>(std::string_view);
template std::string ColumnList<core::ModelRow>(std::string_view);
template std::string ColumnList<core::FlagRow>(std::string_view);
template std::string ColumnList<core::ImportRow>(std::string_view);
template std::string ColumnList<core::ImportTextRow>(std::string_view);
template Result<core::RequestRow> ReadRow<core::RequestRow>(const Statement&);
template Result<core::AttemptRow> ReadRow<core::AttemptRow>(const Statement&);
template Result<core::LeaseRow> ReadRow<core::LeaseRow>(const Statement&);
template Result<core::BatchRow> ReadRow<core::BatchRow>(const Statement&);
template Result<core::ScoreRow> ReadRow<core::ScoreRow>(const Statement&);
template Result<core::EventRow> ReadRow<core::EventRow>(const Statement&);
template Result<core::AuditRow> ReadRow<core::AuditRow>(const Statement&);
template Result<core::MetaRow> ReadRow<core::MetaRow>(const Statement&);
template Result<core::ModelRow> ReadRow<core::ModelRow>(const Statement&);
template Result<core::FlagRow> ReadRow<core::FlagRow>(const Statement&);
template Result<core::ImportRow> ReadRow<core::ImportRow>(const Statement&);
template Result<core::ImportTextRow> ReadRow<core::ImportTextRow>(const Statement&);

}  // namespace koeval::store
