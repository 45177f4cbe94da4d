// Field by field.
#include "scheduler/cli/view_convert.h"

#include <array>

namespace koeval::cli {
namespace {

namespace pb = koeval::v1;

struct NamedState {
  const char* name;
  pb::RequestState state;
};
constexpr std::array<NamedState, 4> kStates = {{{"PENDING", pb::REQUEST_STATE_PENDING},
                                                {"RUNNING", pb::REQUEST_STATE_RUNNING},
                                                {"FINISHED", pb::REQUEST_STATE_FINISHED},
                                                {"FAILED", pb::REQUEST_STATE_FAILED}}};

std::string StateName(pb::RequestState state) {
  for (const NamedState& known : kStates) {
    if (known.state == state) return known.name;
  }
  return "UNKNOWN";
}

EntryView ToView(const pb::EntryScore& entry) {
  EntryView view{entry.name(), entry.metric(), entry.value(), {}};
  if (entry.has_stderr_value()) view.stderr_value = entry.stderr_value();
  return view;
}

TaskScoreView ToView(const pb::TaskScore& task) {
  TaskScoreView view{task.task(), task.alias(), task.num_fewshot(), task.documents(), {}};
  for (const pb::MetricScore& metric : task.metrics()) {
    MetricView& out = view.metrics.emplace_back();
    out.metric = metric.metric();
    out.filter = metric.filter();
    out.value = metric.value();
    if (metric.has_stderr_value()) out.stderr_value = metric.stderr_value();
  }
  return view;
}

SlotVerdictView ToSlotView(const pb::SlotVerdict& slot) {
  return {slot.worker(),       slot.device(), slot.hardware_class(), slot.text(), slot.slot(),
          slot.memory_bytes(), slot.open()};
}

}  // namespace

pb::RequestState StateFromName(const std::string& name) {
  for (const NamedState& known : kStates) {
    if (known.name == name) return known.state;
  }
  return pb::REQUEST_STATE_UNSPECIFIED;
}

RequestView ToView(const pb::Request& r) {
  RequestView v;
  v.id = r.id();
  v.number = r.number();
  v.model = r.spec().model();
  v.revision = r.spec().revision();
  v.precision = r.spec().precision();
  v.weight_type = r.spec().weight_type();
  v.model_type = r.spec().model_type();
  v.suite = r.spec().suite();
  v.suite_version = r.suite_version();
  v.profile = r.spec().profile();
  if (r.spec().has_limit()) v.limit = r.spec().limit();
  v.priority = r.spec().priority();
  v.time_limit_ms = r.spec().time_limit_ms();
  if (r.spec().has_chat_template()) {
    v.chat_template = r.spec().chat_template().empty() ? "default" : r.spec().chat_template();
  }
  v.fewshot_as_multiturn = r.spec().fewshot_as_multiturn();
  v.system_instruction = r.spec().system_instruction();
  v.state = StateName(r.state());
  v.phase = r.phase();
  v.ending = r.ending();
  v.reason = r.reason();
  v.remedy = r.remedy();
  v.round = r.round();
  v.attempt = r.attempt();
  v.batches_done = r.progress().batches_done();
  v.batches_total = r.progress().batches_total();
  if (r.progress().has_eta_ms()) v.eta_ms = r.progress().eta_ms();
  v.queue_position = r.progress().queue_position();
  v.workers.assign(r.progress().workers().begin(), r.progress().workers().end());
  v.plan_digest = r.plan_digest();
  v.bundle_digest = r.bundle_digest();
  v.hardware_class = r.hardware_class();
  v.submitter = r.submitter();
  v.facts_json = r.facts_json();
  v.submitted_at_us = r.submitted_at_us();
  v.started_at_us = r.started_at_us();
  v.finished_at_us = r.finished_at_us();
  for (const pb::PlanTask& task : r.tasks()) {
    v.tasks.push_back(
        {task.task(), task.batches(), task.requests(), task.documents(), task.truncated()});
  }
  return v;
}

AttemptView ToView(const pb::Attempt& a) {
  return {a.round(),  a.attempt(),       a.worker(),     a.ending(),
          a.reason(), a.started_at_us(), a.ended_at_us()};
}

QueueView ToView(const pb::GetQueueResponse& q) {
  return {q.pending(),    q.running(), q.finished(), q.failed(), q.workers(), q.slots(),
          q.slots_busy(), q.paused(),  q.last_seq(), q.now_us(), q.version()};
}

DryRunView ToView(const pb::DryRunResponse& d) {
  DryRunView v;
  v.revision = d.spec().revision();
  v.accepted = d.accepted();
  v.report_json = d.report_json();
  v.same_request_id = d.same_request_id();
  for (const pb::DryRunTask& task : d.tasks()) {
    v.tasks.push_back({task.task(), task.documents(), task.requests(), task.prompt_bytes(),
                       task.prompt_tokens(), task.tokens_are_exact()});
  }
  v.memory_bytes = d.memory_bytes();
  v.fits = d.fits();
  v.placement = d.placement();
  v.placement_remedy = d.placement_remedy();
  for (const pb::SlotVerdict& slot : d.slots()) v.slots.push_back(ToSlotView(slot));
  v.slots_known = d.slots_known();
  v.requests_ahead = d.requests_ahead();
  if (d.has_start_ms()) v.start_ms = d.start_ms();
  v.operations = d.operations();
  if (d.has_run_ms()) v.run_ms = d.run_ms();
  return v;
}

ExplanationView ToView(const pb::ExplainResponse& e) {
  ExplanationView v;
  v.request = ToView(e.request());
  v.answer = e.answer();
  v.memory_bytes = e.memory_bytes();
  v.hardware_class = e.hardware_class();
  v.slots_known = e.slots_known();
  for (const pb::SlotVerdict& slot : e.slots()) {
    v.slots.push_back(ToSlotView(slot));
  }
  for (const pb::WatchResponse& d : e.decisions()) {
    v.decisions.push_back({d.seq(), d.at_us(), d.request_id(), d.kind(), d.text()});
  }
  return v;
}

WorkerView ToView(const pb::Worker& w) {
  WorkerView v;
  v.id = w.id();
  v.hardware_class = w.hardware_class();
  v.version = w.version();
  v.drain_reason = w.drain_reason();
  v.connected = w.connected();
  v.draining = w.draining();
  v.last_seen_ms_ago = w.last_seen_ms_ago();
  v.batches_done = w.batches_done();
  for (const pb::Slot& slot : w.slots()) {
    v.slots.push_back({slot.index(), slot.device(), slot.model(), slot.request_id(), slot.lease()});
  }
  return v;
}

ResultsView ToView(const pb::GetResultsResponse& r) {
  ResultsView v;
  v.request_id = r.request_id();
  v.suite = r.suite();
  for (const pb::EntryScore& entry : r.entries()) v.entries.push_back(ToView(entry));
  v.average = r.average();
  for (const pb::TaskScore& task : r.tasks()) v.tasks.push_back(ToView(task));
  v.results_json = r.results_json();
  v.finished_at_us = r.finished_at_us();
  return v;
}

FlagView ToView(const pb::ModelFlag& f) {
  return {f.model(),     f.reason(),    f.url(),         f.set_by(),
          f.lifted_by(), f.set_at_us(), f.lifted_at_us()};
}

ModelView ToView(const pb::ModelFacts& m) {
  ModelView v;
  v.model = m.model();
  v.type = m.type();
  v.icon = m.icon();
  v.license = m.license();
  v.precision = m.precision();
  v.architecture = m.architecture();
  v.base_model = m.base_model();
  v.source = m.source();
  if (m.has_likes()) v.likes = m.likes();
  if (m.has_parameters()) v.parameters = m.parameters();
  v.deleted_at_us = m.deleted_at_us();
  v.refreshed_at_us = m.refreshed_at_us();
  return v;
}

ModelView ToView(const pb::ListedModel& m) {
  ModelView v = ToView(m.facts());
  if (m.has_flag()) v.flag = ToView(m.flag());
  return v;
}

ImportView ToView(const pb::ImportFilesResponse& i) {
  ImportView v{i.added(), i.changed(), i.unchanged(), i.refused(), {}};
  for (const pb::ImportProblem& problem : i.problems()) {
    v.problems.push_back(problem.path() + ": " + problem.text());
  }
  return v;
}

RefreshView ToView(const pb::RefreshModelsResponse& r) {
  return {ToView(r.facts()), r.changed(), r.problem()};
}

LeaderboardView ToView(const pb::GetLeaderboardResponse& l) {
  LeaderboardView v;
  v.flagged_hidden = l.flagged_hidden();
  v.suite = l.suite();
  v.suite_version = l.suite_version();
  v.columns.assign(l.columns().begin(), l.columns().end());
  v.suite_versions.assign(l.suite_versions().begin(), l.suite_versions().end());
  v.profile = l.profile();
  for (const pb::LeaderboardRow& row : l.rows()) {
    LeaderboardRowView& out = v.rows.emplace_back();
    out.rank = row.rank();
    out.request_id = row.request_id();
    out.model = row.model();
    out.revision = row.revision();
    out.precision = row.precision();
    out.model_type = row.model_type();
    out.profile = row.profile();
    out.average = row.average();
    for (const pb::EntryScore& entry : row.entries()) out.entries.push_back(ToView(entry));
    out.finished_at_us = row.finished_at_us();
    out.weight_type = row.weight_type();
    out.imported = row.imported();
    if (row.has_average_stderr()) out.average_stderr = row.average_stderr();
    out.suite_version = row.suite_version();
    out.settings.assign(row.settings().begin(), row.settings().end());
    if (row.has_chat_template()) out.chat_template = row.chat_template();
    out.fewshot_as_multiturn = row.fewshot_as_multiturn();
    out.system_instruction = row.system_instruction();
    out.about = ToView(row.facts());
    if (row.has_flag()) out.about.flag = ToView(row.flag());
  }
  return v;
}

DatasetView ToView(const pb::Dataset& d) {
  DatasetView out{.name = d.name(),
                  .digest = d.digest(),
                  .added_by = d.added_by(),
                  .is_public = d.is_public(),
                  .is_current = d.is_current(),
                  .splits = {},
                  .added_at_us = d.added_at_us(),
                  .requests = d.requests()};
  for (const pb::DatasetSplit& split : d.splits()) {
    out.splits.push_back({split.config(), split.split(), split.rows(), split.bytes()});
  }
  return out;
}

SuiteView ToView(const pb::Suite& s) {
  SuiteView v{s.name(),       s.title(),     s.version(), s.profile(),    s.bundle_digest(),
              s.is_default(), s.documents(), {},          s.unavailable()};
  for (const pb::SuiteEntry& entry : s.entries()) {
    SuiteView::Entry& out = v.entries.emplace_back();
    out.name = entry.name();
    out.metric = entry.metric();
    out.tasks.assign(entry.tasks().begin(), entry.tasks().end());
    if (entry.has_num_fewshot()) out.num_fewshot = entry.num_fewshot();
  }
  return v;
}

pb::RequestSpec ToProto(const SubmitSpec& spec) {
  pb::RequestSpec out;
  out.set_model(spec.model);
  out.set_revision(spec.revision);
  out.set_precision(spec.precision);
  out.set_weight_type(spec.weight_type);
  out.set_model_type(spec.model_type);
  out.set_suite(spec.suite);
  out.set_profile(spec.profile);
  if (spec.limit) out.set_limit(*spec.limit);
  out.set_priority(spec.priority);
  out.set_time_limit_ms(spec.time_limit_ms);
  if (spec.chat_template) out.set_chat_template(*spec.chat_template);
  if (spec.fewshot_as_multiturn) out.set_fewshot_as_multiturn(*spec.fewshot_as_multiturn);
  out.set_system_instruction(spec.system_instruction);
  return out;
}

}  // namespace koeval::cli
