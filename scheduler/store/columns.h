// The columns of every table: one list for each row, which serves SQL texts, writing, reading and
// checksums alike. A visitor is called with each column's name and field, in the table's order.
#pragma once

#include <concepts>
#include <string_view>
#include <type_traits>

#include "scheduler/core/records.h"

namespace koeval::store {

template <typename Row, typename Kind>
concept RowOf = std::same_as<std::remove_const_t<Row>, Kind>;

template <typename Visitor, RowOf<core::RequestRow> Row>
void VisitColumns(Visitor& visit, Row& row) {
  visit("number", row.number);
  visit("id", row.id);
  visit("state", row.state);
  visit("phase", row.phase);
  visit("model", row.spec.model);
  visit("revision", row.spec.revision);
  visit("precision", row.spec.precision);
  visit("weight_type", row.spec.weight_type);
  visit("model_type", row.spec.model_type);
  visit("suite", row.spec.suite);
  visit("suite_version", row.spec.suite_version);
  visit("profile", row.spec.profile);
  visit("bundle_digest", row.spec.bundle_digest);
  visit("sample_limit", row.spec.limit);
  visit("priority", row.spec.priority);
  visit("time_limit_ms", row.spec.time_limit_ms);
  visit("submitter", row.spec.submitter);
  visit("round", row.round);
  visit("attempt", row.attempt);
  visit("plan", row.plan);
  visit("hardware_class", row.hardware_class);
  visit("ending", row.ending);
  visit("reason", row.reason);
  visit("remedy", row.remedy);
  visit("facts", row.facts_json);
  visit("submitted_at", row.submitted_at);
  visit("started_at", row.started_at);
  visit("finished_at", row.finished_at);
  visit("updated_at", row.updated_at);
  visit("updated_seq", row.updated_seq);
  visit("chat", row.spec.chat);
  visit("wanted_revision", row.spec.wanted_revision);
}

template <typename Visitor, RowOf<core::AttemptRow> Row>
void VisitColumns(Visitor& visit, Row& row) {
  visit("request", row.request);
  visit("round", row.round);
  visit("attempt", row.attempt);
  visit("worker", row.worker);
  visit("started_at", row.started_at);
  visit("ended_at", row.ended_at);
  visit("ending", row.ending);
  visit("reason", row.reason);
}

template <typename Visitor, RowOf<core::LeaseRow> Row>
void VisitColumns(Visitor& visit, Row& row) {
  visit("id", row.id);
  visit("request", row.request);
  visit("round", row.round);
  visit("attempt", row.attempt);
  visit("worker", row.worker);
  visit("slot", row.slot);
  visit("first_batch", row.begin);
  visit("end_batch", row.end);
}

template <typename Visitor, RowOf<core::BatchRow> Row>
void VisitColumns(Visitor& visit, Row& row) {
  visit("request", row.request);
  visit("round", row.round);
  visit("batch", row.batch);
  visit("worker", row.worker);
  visit("lease", row.lease);
  visit("results", row.results_json);
  visit("run_ms", row.run_ms);
  visit("stored_at", row.stored_at);
}

template <typename Visitor, RowOf<core::ScoreRow> Row>
void VisitColumns(Visitor& visit, Row& row) {
  visit("request", row.request);
  visit("round", row.round);
  visit("scores", row.scores_json);
  visit("average", row.average);
  visit("finished_at", row.finished_at);
}

template <typename Visitor, RowOf<core::EventRow> Row>
void VisitColumns(Visitor& visit, Row& row) {
  visit("seq", row.seq);
  visit("at", row.at);
  visit("request", row.request);
  visit("kind", row.kind);
  visit("text", row.text);
}

template <typename Visitor, RowOf<core::AuditRow> Row>
void VisitColumns(Visitor& visit, Row& row) {
  visit("at", row.at);
  visit("who", row.who);
  visit("role", row.role);
  visit("action", row.action);
  visit("target", row.target);
  visit("detail", row.detail);
}

template <typename Visitor, RowOf<core::MetaRow> Row>
void VisitColumns(Visitor& visit, Row& row) {
  visit("key", row.key);
  visit("value", row.value);
}

template <typename Visitor, RowOf<core::ModelRow> Row>
void VisitColumns(Visitor& visit, Row& row) {
  visit("model", row.model);
  visit("type", row.type);
  visit("license", row.license);
  visit("likes", row.likes);
  visit("parameters", row.parameters);
  visit("precision", row.precision);
  visit("architecture", row.architecture);
  visit("base_model", row.base_model);
  visit("deleted_at", row.deleted_at);
  visit("refreshed_at", row.refreshed_at);
  visit("source", row.source);
}

template <typename Visitor, RowOf<core::FlagRow> Row>
void VisitColumns(Visitor& visit, Row& row) {
  visit("model", row.model);
  visit("reason", row.reason);
  visit("url", row.url);
  visit("set_by", row.set_by);
  visit("set_at", row.set_at);
  visit("lifted_by", row.lifted_by);
  visit("lifted_at", row.lifted_at);
}

template <typename Visitor, RowOf<core::ImportRow> Row>
void VisitColumns(Visitor& visit, Row& row) {
  visit("kind", row.kind);
  visit("path", row.path);
  visit("digest", row.digest);
  visit("model", row.model);
  visit("revision", row.revision);
  visit("precision", row.precision);
  visit("status", row.status);
  visit("facts", row.facts_json);
  visit("imported_by", row.imported_by);
  visit("imported_at", row.imported_at);
}

template <typename Visitor, RowOf<core::ImportTextRow> Row>
void VisitColumns(Visitor& visit, Row& row) {
  visit("kind", row.kind);
  visit("path", row.path);
  visit("text", row.text);
}

}  // namespace koeval::store
