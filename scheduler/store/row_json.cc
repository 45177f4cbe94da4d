// One list of fields per row, used both ways.
#include "scheduler/store/row_json.h"

#include <fmt/core.h>

#include "common/base/json.h"

namespace koeval::store {
namespace {

// Writes each visited field into an object.
class Writer {
 public:
  void operator()(const char* key, const std::string& value) { json_[key] = value; }
  void operator()(const char* key, const int64_t& value) { json_[key] = value; }
  void operator()(const char* key, const WallTime& value) { json_[key] = value.micros; }
  void operator()(const char* key, const std::optional<int64_t>& value) {
    if (value) json_[key] = *value;
  }
  template <typename Tag>
  void operator()(const char* key, const TextId<Tag>& value) {
    json_[key] = value.text;
  }
  template <typename Tag>
  void operator()(const char* key, const NumberId<Tag>& value) {
    json_[key] = value.value;
  }
  // Bytes that are no UTF-8 (a worker's words, say) are replaced rather than refused.
  std::string Text() const { return json_.dump(-1, ' ', false, Json::error_handler_t::replace); }
  Json& json() { return json_; }

 private:
  Json json_ = Json::object();
};

// Reads each visited field; the first one of a wrong type is remembered.
class Reader {
 public:
  explicit Reader(const Json& json) : json_(json) {}

  void operator()(const char* key, std::string& value) {
    const Json* found = JsonFind(json_, key);
    if (found == nullptr) return;
    if (!found->is_string()) return Fail(key);
    value = found->get<std::string>();
  }
  void operator()(const char* key, int64_t& value) {
    const Json* found = JsonFind(json_, key);
    if (found == nullptr) return;
    if (!found->is_number_integer()) return Fail(key);
    value = found->get<int64_t>();
  }
  void operator()(const char* key, WallTime& value) { (*this)(key, value.micros); }
  void operator()(const char* key, std::optional<int64_t>& value) {
    if (JsonFind(json_, key) == nullptr) return;
    int64_t number = 0;
    (*this)(key, number);
    value = number;
  }
  template <typename Tag>
  void operator()(const char* key, TextId<Tag>& value) {
    (*this)(key, value.text);
  }
  template <typename Tag>
  void operator()(const char* key, NumberId<Tag>& value) {
    (*this)(key, value.value);
  }
  void Fail(const char* key) {
    if (status_.ok()) status_ = DataLoss(fmt::format("field \"{}\" cannot be read", key));
  }
  const Status& status() const { return status_; }

 private:
  const Json& json_;
  Status status_;
};

template <typename Visitor, typename Spec>
void VisitSpec(Visitor& visit, Spec& spec) {
  visit("model", spec.model);
  visit("revision", spec.revision);
  visit("precision", spec.precision);
  visit("weight_type", spec.weight_type);
  visit("model_type", spec.model_type);
  visit("suite", spec.suite);
  visit("suite_version", spec.suite_version);
  visit("profile", spec.profile);
  visit("bundle_digest", spec.bundle_digest);
  visit("limit", spec.limit);
  visit("priority", spec.priority);
  visit("time_limit_ms", spec.time_limit_ms);
  visit("submitter", spec.submitter);
}

template <typename Visitor, typename Row>
void VisitRequest(Visitor& visit, Row& row) {
  visit("id", row.id);
  visit("number", row.number);
  VisitSpec(visit, row.spec);
  visit("round", row.round);
  visit("attempt", row.attempt);
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
}

template <typename Visitor, typename Task>
void VisitPlanTask(Visitor& visit, Task& task) {
  visit("task", task.task);
  visit("batches", task.batches);
  visit("requests", task.requests);
  visit("documents", task.documents);
  visit("truncated", task.truncated);
}

template <typename Visitor, typename Row>
void VisitAttempt(Visitor& visit, Row& row) {
  visit("request", row.request);
  visit("round", row.round);
  visit("attempt", row.attempt);
  visit("worker", row.worker);
  visit("started_at", row.started_at);
  visit("ended_at", row.ended_at);
  visit("ending", row.ending);
  visit("reason", row.reason);
}

template <typename Visitor, typename Row>
void VisitLease(Visitor& visit, Row& row) {
  visit("id", row.id);
  visit("request", row.request);
  visit("round", row.round);
  visit("attempt", row.attempt);
  visit("worker", row.worker);
  visit("slot", row.slot);
  visit("begin", row.begin);
  visit("end", row.end);
}

Result<core::PlanInfo> DecodePlan(const Json& json) {
  core::PlanInfo plan;
  ASSIGN_OR_RETURN(plan.digest, JsonString(json, "digest", "plan"));
  const Json* tasks = JsonFind(json, "tasks");
  if (tasks == nullptr || !tasks->is_array()) return DataLoss("field \"tasks\" cannot be read");
  for (const Json& item : *tasks) {
    Reader reader(item);
    VisitPlanTask(reader, plan.tasks.emplace_back());
    RETURN_IF_ERROR(reader.status());
  }
  return plan;
}

}  // namespace

std::string EncodeRequest(const core::RequestRow& row) {
  Writer writer;
  VisitRequest(writer, row);
  writer.json()["state"] = core::StateName(row.state);
  writer.json()["phase"] = core::PhaseName(row.phase);
  if (row.plan) {
    Json tasks = Json::array();
    for (const core::PlanTask& task : row.plan->tasks) {
      Writer item;
      VisitPlanTask(item, task);
      tasks.push_back(item.json());
    }
    writer.json()["plan"] = {{"digest", row.plan->digest}, {"tasks", tasks}};
  }
  return writer.Text();
}

Result<core::RequestRow> DecodeRequest(const std::string& text) {
  ASSIGN_OR_RETURN(const Json json, ParseJson(text));
  core::RequestRow row;
  Reader reader(json);
  VisitRequest(reader, row);
  RETURN_IF_ERROR(reader.status());
  ASSIGN_OR_RETURN(const std::string state, JsonString(json, "state", "request"));
  ASSIGN_OR_RETURN(const std::string phase, JsonString(json, "phase", "request"));
  const auto parsed_state = core::ParseState(state);
  const auto parsed_phase = core::ParsePhase(phase);
  if (!parsed_state || !parsed_phase || row.id.text.empty()) {
    return DataLoss("state, phase or id cannot be read");
  }
  row.state = *parsed_state;
  row.phase = *parsed_phase;
  if (const Json* plan = JsonFind(json, "plan")) {
    ASSIGN_OR_RETURN(row.plan, DecodePlan(*plan));
  }
  return row;
}

std::string EncodeAttempt(const core::AttemptRow& row) {
  Writer writer;
  VisitAttempt(writer, row);
  return writer.Text();
}

Result<core::AttemptRow> DecodeAttempt(const std::string& text) {
  ASSIGN_OR_RETURN(const Json json, ParseJson(text));
  core::AttemptRow row;
  Reader reader(json);
  VisitAttempt(reader, row);
  RETURN_IF_ERROR(reader.status());
  return row;
}

std::string EncodeLease(const core::LeaseRow& row) {
  Writer writer;
  VisitLease(writer, row);
  return writer.Text();
}

Result<core::LeaseRow> DecodeLease(const std::string& text) {
  ASSIGN_OR_RETURN(const Json json, ParseJson(text));
  core::LeaseRow row;
  Reader reader(json);
  VisitLease(reader, row);
  RETURN_IF_ERROR(reader.status());
  return row;
}

}  // namespace koeval::store
