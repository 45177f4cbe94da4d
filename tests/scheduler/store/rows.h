// Rows for tests: made from a seed with every field set, and compared as text.
#pragma once

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "scheduler/core/records.h"
#include "scheduler/store/job_store.h"

namespace koeval::store {

// Every field differs from its default; texts hold Korean, quotes, line ends and a NUL byte.
core::RequestRow MakeRequest(int64_t number, std::mt19937_64& random);
core::AttemptRow MakeAttempt(const RequestId& id, int64_t round, int64_t attempt);
core::LeaseRow MakeLease(int64_t id, const RequestId& request);
core::BatchRow MakeBatch(const RequestId& id, int64_t round, int64_t batch);
core::ScoreRow MakeScore(const RequestId& id, int64_t round, double average);
core::EventRow MakeEvent(int64_t seq, const RequestId& id);
core::AuditRow MakeAudit(const std::string& target);
core::ModelRow MakeModel(const std::string& model);
// In force when `lifted_at` is 0.
core::FlagRow MakeFlag(const std::string& model, int64_t set_at, int64_t lifted_at = 0);
core::ImportRow MakeImport(const std::string& kind, const std::string& path);

// One line per column; equal rows have equal texts.
std::string TextOf(const core::RequestRow& row);
std::string TextOf(const core::AttemptRow& row);
std::string TextOf(const core::LeaseRow& row);
std::string TextOf(const core::BatchRow& row);
std::string TextOf(const core::ScoreRow& row);
std::string TextOf(const core::EventRow& row);
std::string TextOf(const core::AuditRow& row);
std::string TextOf(const core::MetaRow& row);
std::string TextOf(const core::ModelRow& row);
std::string TextOf(const core::FlagRow& row);
std::string TextOf(const core::ImportRow& row);
std::string TextOf(const Snapshot::StoredBatch& row);

template <typename Row>
std::vector<std::string> TextsOf(const std::vector<Row>& rows) {
  std::vector<std::string> out;
  for (const Row& row : rows) out.push_back(TextOf(row));
  return out;
}

// All of a snapshot, line by line.
std::vector<std::string> TextsOf(const Snapshot& snapshot);
// All that a reader can see of `ids`, and every event, audit, model, flag and import row.
std::vector<std::string> TextsOf(Reader& reader, const std::vector<RequestId>& ids);

testing::AssertionResult IsOk(const Status& status);
template <typename T>
testing::AssertionResult IsOk(const Result<T>& result) {
  return IsOk(result.status());
}

}  // namespace koeval::store
