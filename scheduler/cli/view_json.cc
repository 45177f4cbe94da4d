// The JSON schema of the client's answers.
#include "scheduler/cli/view_json.h"

#include <cmath>

#include "common/base/clock.h"

namespace koeval::cli {
namespace {

Json TimeOrNull(int64_t micros) {
  return micros == 0 ? Json(nullptr) : Json(FormatUtcMicros({micros}));
}

template <typename T>
Json OrNull(const std::optional<T>& value) {
  return value ? Json(*value) : Json(nullptr);
}

Json ToJson(const EntryView& entry) {
  return {{"name", entry.name},
          {"metric", entry.metric},
          {"value", entry.value},
          {"stderr", OrNull(entry.stderr_value)}};
}

Json Entries(const std::vector<EntryView>& entries) {
  Json out = Json::array();
  for (const EntryView& entry : entries) out.push_back(ToJson(entry));
  return out;
}

}  // namespace

Json ToJson(const RequestView& r) {
  Json tasks = Json::array();
  for (const auto& task : r.tasks) {
    tasks.push_back({{"task", task.task},
                     {"documents", task.documents},
                     {"requests", task.requests},
                     {"batches", task.batches},
                     {"truncated", task.truncated}});
  }
  return {{"id", r.id},
          {"number", r.number},
          {"state", r.state},
          {"phase", r.phase},
          {"ending", r.ending},
          {"reason", r.reason},
          {"remedy", r.remedy},
          {"model", r.model},
          {"revision", r.revision},
          {"precision", r.precision},
          {"weight_type", r.weight_type},
          {"model_type", r.model_type},
          {"suite", r.suite},
          {"suite_version", r.suite_version},
          {"profile", r.profile},
          {"limit", OrNull(r.limit)},
          {"priority", r.priority},
          {"time_limit_ms", r.time_limit_ms},
          {"chat_template", OrNull(r.chat_template)},
          {"fewshot_as_multiturn", r.fewshot_as_multiturn},
          {"system_instruction", r.system_instruction},
          {"round", r.round},
          {"attempt", r.attempt},
          {"progress",
           {{"batches_done", r.batches_done},
            {"batches_total", r.batches_total},
            {"eta_ms", OrNull(r.eta_ms)},
            {"queue_position", r.queue_position},
            {"workers", r.workers}}},
          {"tasks", tasks},
          {"plan_digest", r.plan_digest},
          {"bundle_digest", r.bundle_digest},
          {"hardware_class", r.hardware_class},
          {"submitter", r.submitter},
          {"submitted_at", TimeOrNull(r.submitted_at_us)},
          {"started_at", TimeOrNull(r.started_at_us)},
          {"finished_at", TimeOrNull(r.finished_at_us)}};
}

Json ToJson(const AttemptView& a) {
  return {{"round", a.round},
          {"attempt", a.attempt},
          {"worker", a.worker},
          {"ending", a.ending},
          {"reason", a.reason},
          {"started_at", TimeOrNull(a.started_at_us)},
          {"ended_at", TimeOrNull(a.ended_at_us)}};
}

static Json SlotsToJson(const std::vector<SlotVerdictView>& verdicts) {
  Json slots = Json::array();
  for (const SlotVerdictView& slot : verdicts) {
    slots.push_back({{"worker", slot.worker},
                     {"slot", slot.slot},
                     {"device", slot.device},
                     {"hardware_class", slot.hardware_class},
                     {"memory_bytes", slot.memory_bytes},
                     {"open", slot.open},
                     {"text", slot.text}});
  }
  return slots;
}

Json ToJson(const ExplanationView& e) {
  Json decisions = Json::array();
  for (const ChangeView& change : e.decisions) {
    decisions.push_back({{"seq", change.seq},
                         {"at", TimeOrNull(change.at_us)},
                         {"kind", change.kind},
                         {"text", change.text}});
  }
  return {{"request", ToJson(e.request)},     {"answer", e.answer},
          {"memory_bytes", e.memory_bytes},   {"hardware_class", e.hardware_class},
          {"slots", SlotsToJson(e.slots)},    {"slots_known", e.slots_known},
          {"decisions", std::move(decisions)}};
}

Json ToJson(const DryRunView& run) {
  const auto report = ParseJson(run.report_json);
  Json tasks = Json::array();
  for (const DryRunView::Task& task : run.tasks) {
    tasks.push_back({{"task", task.task},
                     {"documents", task.documents},
                     {"requests", task.requests},
                     {"prompt_bytes", task.prompt_bytes},
                     {"prompt_tokens", task.prompt_tokens},
                     {"tokens_are_exact", task.tokens_are_exact}});
  }
  return {{"accepted", run.accepted},
          {"revision", run.revision},
          {"same_request_id", run.same_request_id},
          {"report", report.ok() ? *report : Json()},
          {"tasks", std::move(tasks)},
          {"memory_bytes", run.memory_bytes},
          {"fits", run.fits},
          {"placement", run.placement},
          {"placement_remedy", run.placement_remedy},
          {"slots", SlotsToJson(run.slots)},
          {"slots_known", run.slots_known},
          {"requests_ahead", run.requests_ahead},
          {"start_ms", run.start_ms ? Json(*run.start_ms) : Json()},
          {"operations", run.operations},
          {"run_ms", run.run_ms ? Json(*run.run_ms) : Json()}};
}

Json ToJson(const QueueView& q) {
  return {{"pending", q.pending}, {"running", q.running},       {"finished", q.finished},
          {"failed", q.failed},   {"paused", q.paused},         {"workers", q.workers},
          {"slots", q.slots},     {"slots_busy", q.slots_busy}, {"last_seq", q.last_seq},
          {"version", q.version}, {"now", TimeOrNull(q.now_us)}};
}

Json ToJson(const WorkerView& w) {
  Json slots = Json::array();
  for (const SlotView& slot : w.slots) {
    slots.push_back({{"index", slot.index},
                     {"device", slot.device},
                     {"warm_model", slot.model},
                     {"request", slot.request_id},
                     {"lease", slot.lease}});
  }
  return {{"id", w.id},
          {"connected", w.connected},
          {"draining", w.draining},
          {"drain_reason", w.drain_reason},
          {"hardware_class", w.hardware_class},
          {"version", w.version},
          {"last_seen_ms_ago", w.last_seen_ms_ago},
          {"batches_done", w.batches_done},
          {"slots", slots}};
}

Json ToJson(const TaskScoreView& task) {
  Json metrics = Json::array();
  for (const MetricView& metric : task.metrics) {
    metrics.push_back({{"metric", metric.metric},
                       {"filter", metric.filter},
                       {"value", metric.value},
                       {"stderr", OrNull(metric.stderr_value)}});
  }
  return {{"task", task.task},
          {"num_fewshot", task.num_fewshot},
          {"documents", task.documents},
          {"metrics", metrics}};
}

Json ToJson(const ResultsView& r) {
  return {{"request", r.request_id},      {"suite", r.suite},
          {"average", r.average},         {"entries", Entries(r.entries)},
          {"tasks", ToJsonList(r.tasks)}, {"finished_at", TimeOrNull(r.finished_at_us)}};
}

Json ToJson(const FlagView& f) {
  return {{"model", f.model},
          {"reason", f.reason},
          {"url", f.url},
          {"set_by", f.set_by},
          {"set_at", TimeOrNull(f.set_at_us)},
          {"lifted_by", f.lifted_by},
          {"lifted_at", TimeOrNull(f.lifted_at_us)}};
}

Json ToJson(const ModelView& m) {
  return {{"model", m.model},
          {"type", m.type},
          {"icon", m.icon},
          {"license", m.license},
          {"likes", OrNull(m.likes)},
          {"parameters", OrNull(m.parameters)},
          {"precision", m.precision},
          {"architecture", m.architecture},
          {"base_model", m.base_model},
          {"deleted_at", TimeOrNull(m.deleted_at_us)},
          {"refreshed_at", TimeOrNull(m.refreshed_at_us)},
          {"source", m.source},
          {"flag", m.flag ? ToJson(*m.flag) : Json(nullptr)}};
}

Json ToJson(const RefreshView& r) {
  return {{"model", ToJson(r.model)}, {"changed", r.changed}, {"problem", r.problem}};
}

Json ToJson(const LeaderboardView& l) {
  Json rows = Json::array();
  for (const LeaderboardRowView& row : l.rows) {
    rows.push_back({{"rank", row.rank == 0 ? Json(nullptr) : Json(row.rank)},
                    {"request", row.request_id},
                    {"model", row.model},
                    {"revision", row.revision},
                    {"precision", row.precision},
                    {"model_type", row.model_type},
                    {"profile", row.profile},
                    {"suite_version", row.suite_version},
                    {"settings", row.settings},
                    {"chat_template", row.chat_template.has_value()},
                    {"chat_template_name", OrNull(row.chat_template)},
                    {"fewshot_as_multiturn", row.fewshot_as_multiturn},
                    {"system_instruction", row.system_instruction},
                    {"average", std::isnan(row.average) ? Json(nullptr) : Json(row.average)},
                    {"average_stderr", OrNull(row.average_stderr)},
                    {"entries", Entries(row.entries)},
                    {"finished_at", TimeOrNull(row.finished_at_us)},
                    {"weight_type", row.weight_type},
                    {"imported", row.imported},
                    {"about", ToJson(row.about)}});
  }
  return {{"suite", l.suite},
          {"suite_version", l.suite_version},
          {"suite_versions", l.suite_versions},
          {"profile", l.profile},
          {"columns", l.columns},
          {"flagged_hidden", l.flagged_hidden},
          {"rows", rows}};
}

Json ToJson(const SuiteView& s) {
  Json entries = Json::array();
  for (const auto& entry : s.entries) {
    entries.push_back({{"name", entry.name},
                       {"metric", entry.metric},
                       {"tasks", entry.tasks},
                       {"num_fewshot", OrNull(entry.num_fewshot)}});
  }
  return {{"name", s.name},
          {"title", s.title},
          {"version", s.version},
          {"profile", s.profile},
          {"bundle_digest", s.bundle_digest},
          {"is_default", s.is_default},
          {"documents", s.documents},
          {"unavailable", s.unavailable},
          {"entries", entries}};
}

Json Document(const std::string& what, const std::string& key, Json value) {
  Json out = {{"schema", "koeval." + what + "/1"}};
  out[key] = std::move(value);
  return out;
}

}  // namespace koeval::cli
