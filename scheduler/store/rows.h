// Rows into tables and back: the SQL text for each row, and the conversions.
//
// Every row carries a checksum over its columns, because SQLite notices damage of its own
// structures but not of the values in them. Empty and zero columns do not count in it, so that a
// column which a later version adds leaves the checksums of older rows as they are.
#pragma once

#include <string>
#include <string_view>

#include "common/base/status.h"
#include "scheduler/core/records.h"
#include "scheduler/store/sqlite.h"

namespace koeval::store {

// What SELECT must name for ReadRow<Row>: "table.a, table.b, ..., table.checksum".
template <typename Row>
std::string ColumnList(std::string_view table);

// The row that `statement`, a SELECT of ColumnList<Row>(), stands on. DATA_LOSS, with the reason
// but without the place, when a value cannot be decoded or the checksum differs.
template <typename Row>
Result<Row> ReadRow(const Statement& statement);

// Inserts `row`, or replaces the row of the same key where rows of its kind change. ALREADY_EXISTS
// for a batch, event, request id or request number that is taken.
Status WriteRow(Database& database, const core::RequestRow& row);
Status WriteRow(Database& database, const core::AttemptRow& row);
Status WriteRow(Database& database, const core::LeaseRow& row);
Status WriteRow(Database& database, const core::RemoveLease& row);
Status WriteRow(Database& database, const core::BatchRow& row);
Status WriteRow(Database& database, const core::ScoreRow& row);
Status WriteRow(Database& database, const core::EventRow& row);
Status WriteRow(Database& database, const core::AuditRow& row);
Status WriteRow(Database& database, const core::MetaRow& row);
Status WriteRow(Database& database, const core::ModelRow& row);
Status WriteRow(Database& database, const core::FlagRow& row);
Status WriteRow(Database& database, const core::ImportRow& row);
Status WriteRow(Database& database, const core::ImportTextRow& row);

}  // namespace koeval::store
