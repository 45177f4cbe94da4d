// Frames to JSON text.
#include "worker/runner/messages.h"

#include <utility>

namespace koeval::runner {
namespace {

template <typename T>
Json OrNull(const std::optional<T>& value) {
  return value ? Json(*value) : Json(nullptr);
}

Json ToJson(const LoadFrame& f) {
  return {{"type", "load"},           {"model_dir", f.model_dir},
          {"precision", f.precision}, {"logits_dtype", f.logits_dtype},
          {"device", f.device},       {"threads", f.threads},
          {"profile", f.profile},     {"engine", f.engine}};
}

Json ToJson(const TaskFrame& f) {
  return {
      {"type", "task"},           {"job", f.job},           {"index", f.index},
      {"total", f.total},         {"task", f.task},         {"num_fewshot", OrNull(f.num_fewshot)},
      {"limit", OrNull(f.limit)}, {"seed", OrNull(f.seed)}, {"chat", f.chat}};
}

Json ToJson(const PlanFrame& f) {
  return {{"type", "plan"}, {"job", f.job}};
}

Json ToJson(const RunFrame& f) {
  return {{"type", "run"},
          {"job", f.job},
          {"lease", f.lease.value},
          {"begin", f.begin},
          {"end", OrNull(f.end)},
          {"plan_digest", OrNull(f.plan_digest)},
          {"time_left_ms", OrNull(f.time_left_ms)}};
}

Json ToJson(const StopFrame& f) {
  return {{"type", "stop"}, {"lease", f.lease.value}};
}

Json ToJson(const ExtendFrame& f) {
  return {{"type", "extend"}, {"lease", f.lease.value}, {"time_left_ms", f.time_left_ms}};
}

Json ToJson(const ForgetFrame& f) {
  return {{"type", "forget"}, {"job", f.job}};
}

Json ToJson(const QuitFrame&) {
  return {{"type", "quit"}};
}

Json ToJson(const ReadyFrame& f) {
  return {{"type", "ready"}, {"protocol", f.protocol}, {"pid", f.pid}, {"version", f.version}};
}

Json ToJson(const LoadedFrame& f) {
  return {{"type", "loaded"},
          {"facts",
           {{"architecture", f.facts.architecture},
            {"model_type", f.facts.model_type},
            {"parameters", f.facts.parameters},
            {"max_length", f.facts.max_length},
            {"dtype", f.facts.dtype},
            {"logits_dtype", f.facts.logits_dtype},
            {"hardware_class", f.facts.hardware_class},
            {"tokenizer_digest", f.facts.tokenizer_digest},
            {"bos_id", OrNull(f.facts.bos_id)},
            {"eos_id", OrNull(f.facts.eos_id)}}}};
}

Json ToJson(const PlannedFrame& f) {
  Json tasks = Json::array();
  for (const PlannedTask& t : f.tasks) {
    tasks.push_back({{"task", t.task},
                     {"batches", t.batches},
                     {"requests", t.requests},
                     {"documents", t.documents},
                     {"truncated", t.truncated},
                     {"naive_tokens", t.naive_tokens},
                     {"unique_tokens", t.unique_tokens}});
  }
  return {{"type", "planned"}, {"job", f.job}, {"digest", f.digest}, {"tasks", std::move(tasks)}};
}

Json ToJson(const BatchFrame& f) {
  return {{"type", "batch"},  {"job", f.job},         {"lease", f.lease.value},
          {"batch", f.batch}, {"results", f.results}, {"run_ms", f.run_ms}};
}

Json ToJson(const LeaseDoneFrame& f) {
  return {{"type", "lease_done"}, {"lease", f.lease.value}};
}

Json ToJson(const LeaseStoppedFrame& f) {
  return {{"type", "lease_stopped"}, {"lease", f.lease.value}, {"next", f.next}};
}

Json ToJson(const LeaseExpiredFrame& f) {
  return {{"type", "lease_expired"}, {"lease", f.lease.value}, {"next", f.next}};
}

Json ToJson(const FailedFrame& f) {
  Json out = {{"type", "failed"}};
  if (f.lease) out["lease"] = f.lease->value;
  if (f.job) out["job"] = *f.job;
  out["ending"] = f.ending;
  out["message"] = f.message;
  out["remedy"] = f.remedy;
  return out;
}

Json ToJson(const AliveFrame&) {
  return {{"type", "alive"}};
}

template <typename Variant>
std::string Format(const Variant& frame) {
  const Json json = std::visit([](const auto& f) { return ToJson(f); }, frame);
  return json.dump(/*indent=*/-1, ' ', /*ensure_ascii=*/false, Json::error_handler_t::replace) +
         "\n";
}

}  // namespace

int64_t PlannedFrame::BatchCount() const {
  int64_t count = 0;
  for (const PlannedTask& task : tasks) count += task.batches;
  return count;
}

std::string FormatFrame(const ParentFrame& frame) {
  return Format(frame);
}

std::string FormatFrame(const RunnerFrame& frame) {
  return Format(frame);
}

}  // namespace koeval::runner
