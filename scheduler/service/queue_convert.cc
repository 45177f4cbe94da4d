// Queue rows and events to and from koeval.v1.
#include "scheduler/service/queue_convert.h"

#include <fmt/core.h>

#include <charconv>

#include "common/base/sha256.h"
#include "scheduler/service/chat_spec.h"
#include "scheduler/service/limits.h"
#include "scheduler/service/version.h"

namespace koeval::service {
namespace {

constexpr size_t kFingerprintChars = 16;

v1::RequestState StateToProto(core::RequestState state) {
  switch (state) {
    case core::RequestState::kPending:
      return v1::REQUEST_STATE_PENDING;
    case core::RequestState::kRunning:
      return v1::REQUEST_STATE_RUNNING;
    case core::RequestState::kFinished:
      return v1::REQUEST_STATE_FINISHED;
    case core::RequestState::kFailed:
      return v1::REQUEST_STATE_FAILED;
  }
  return v1::REQUEST_STATE_UNSPECIFIED;
}

Result<core::RequestState> StateFromProto(int state) {
  switch (state) {
    case v1::REQUEST_STATE_PENDING:
      return core::RequestState::kPending;
    case v1::REQUEST_STATE_RUNNING:
      return core::RequestState::kRunning;
    case v1::REQUEST_STATE_FINISHED:
      return core::RequestState::kFinished;
    case v1::REQUEST_STATE_FAILED:
      return core::RequestState::kFailed;
    default:
      return InvalidArgument(fmt::format("states: {} is no state", state));
  }
}

void FillSpec(const core::RequestSpec& spec, v1::RequestSpec* out) {
  out->set_model(spec.model);
  out->set_revision(spec.revision);
  out->set_precision(spec.precision);
  out->set_weight_type(spec.weight_type);
  out->set_model_type(spec.model_type);
  out->set_suite(spec.suite);
  out->set_profile(spec.profile);
  if (spec.limit) out->set_limit(*spec.limit);
  out->set_priority(spec.priority);
  out->set_time_limit_ms(spec.time_limit_ms);
  const auto chat = ParseChatText(spec.chat);
  if (spec.chat.empty() || !chat.ok()) return;
  if (chat->chat_template) out->set_chat_template(*chat->chat_template);
  out->set_fewshot_as_multiturn(chat->fewshot_as_multiturn);
  out->set_system_instruction(chat->system_instruction);
}

void FillProgress(const core::Progress& progress, v1::Progress* out) {
  out->set_batches_done(progress.batches_done);
  out->set_batches_total(progress.batches_total);
  if (progress.eta_ms) out->set_eta_ms(*progress.eta_ms);
  out->set_queue_position(progress.queue_position);
  for (const std::string& worker : progress.workers) out->add_workers(worker);
}

void FillPlan(const core::PlanInfo& plan, v1::Request* out) {
  out->set_plan_digest(plan.digest);
  for (const core::PlanTask& task : plan.tasks) {
    v1::PlanTask* added = out->add_tasks();
    added->set_task(task.task);
    added->set_batches(task.batches);
    added->set_requests(task.requests);
    added->set_documents(task.documents);
    added->set_truncated(task.truncated);
  }
}

// Why it waits now, and what put it back before.
std::string Reason(const core::RequestRow& row, const LiveView& live) {
  if (live.wait_reason.empty()) return row.reason;
  return row.reason.empty() ? live.wait_reason : live.wait_reason + " Before: " + row.reason;
}

// Of all that decides which requests a page shows and in which order.
std::string Fingerprint(const v1::ListRequestsRequest& request) {
  std::string text;
  for (const int state : request.states()) text += fmt::format("{},", state);
  text += fmt::format("\n{}\n{}\n{}\n{}", request.suite(), request.model(), request.submitter(),
                      request.newest_first());
  return Sha256Hex(text).substr(0, kFingerprintChars);
}

}  // namespace

v1::Request ToProto(const core::RequestRow& row, const LiveView& live) {
  v1::Request out;
  out.set_id(row.id.text);
  out.set_number(row.number);
  FillSpec(row.spec, out.mutable_spec());
  out.set_state(StateToProto(row.state));
  out.set_phase(std::string(core::PhaseName(row.phase)));
  out.set_round(row.round);
  out.set_attempt(row.attempt);
  out.set_ending(row.ending);
  out.set_reason(Reason(row, live));
  out.set_remedy(row.remedy);
  FillProgress(live.progress, out.mutable_progress());
  if (row.plan) FillPlan(*row.plan, &out);
  out.set_bundle_digest(row.spec.bundle_digest);
  out.set_hardware_class(row.hardware_class);
  out.set_submitter(row.spec.submitter);
  out.set_facts_json(FactsForList(row));
  out.set_submitted_at_us(row.submitted_at.micros);
  out.set_started_at_us(row.started_at.micros);
  out.set_finished_at_us(row.finished_at.micros);
  out.set_updated_seq(row.updated_seq);
  out.set_suite_version(row.spec.suite_version);
  return out;
}

v1::RequestSpec SpecToProto(const core::RequestSpec& spec) {
  v1::RequestSpec out;
  FillSpec(spec, &out);
  return out;
}

v1::Attempt ToProto(const core::AttemptRow& row) {
  v1::Attempt out;
  out.set_round(row.round);
  out.set_attempt(row.attempt);
  out.set_worker(row.worker.text);
  out.set_started_at_us(row.started_at.micros);
  out.set_ended_at_us(row.ended_at.micros);
  out.set_ending(row.ending);
  out.set_reason(row.reason);
  return out;
}

v1::WatchResponse ToProto(const core::EventRow& row) {
  v1::WatchResponse out;
  out.set_seq(row.seq);
  out.set_at_us(row.at.micros);
  out.set_request_id(row.request.text);
  out.set_kind(row.kind);
  out.set_text(row.text);
  return out;
}

v1::SlotVerdict ToProto(const core::SlotVerdict& verdict) {
  v1::SlotVerdict out;
  out.set_worker(verdict.worker.text);
  out.set_slot(verdict.info.index);
  out.set_device(verdict.info.device);
  out.set_hardware_class(verdict.info.hardware_class);
  out.set_memory_bytes(verdict.info.memory_bytes);
  out.set_open(verdict.is_open);
  out.set_text(verdict.text);
  return out;
}

v1::GetQueueResponse ToProto(const core::Counts& counts, WallTime now) {
  v1::GetQueueResponse out;
  out.set_pending(counts.pending);
  out.set_running(counts.running);
  out.set_finished(counts.finished);
  out.set_failed(counts.failed);
  out.set_paused(counts.paused);
  out.set_last_seq(counts.last_seq);
  out.set_now_us(now.micros);
  out.set_version(kVersion);
  out.set_workers(counts.workers);
  out.set_slots(counts.slots);
  out.set_slots_busy(counts.slots_busy);
  return out;
}

v1::Worker ToProto(const core::WorkerView& view) {
  v1::Worker out;
  out.set_id(view.id.text);
  out.set_connected(view.connected);
  out.set_draining(view.drained);
  out.set_drain_reason(view.drain_reason);
  out.set_version(view.version);
  out.set_last_seen_ms_ago(view.last_seen_ms_ago);
  out.set_batches_done(view.batches_done);
  for (const core::SlotView& slot : view.slots) {
    if (out.hardware_class().empty()) out.set_hardware_class(slot.info.hardware_class);
    v1::Slot* added = out.add_slots();
    added->set_index(slot.info.index);
    added->set_device(slot.info.device);
    added->set_model(slot.model);
    added->set_request_id(slot.request.text);
    added->set_lease(slot.lease.value);
  }
  return out;
}

core::RequestSpec FromProto(const v1::RequestSpec& spec) {
  core::RequestSpec out;
  out.model = spec.model();
  out.revision = spec.revision();
  out.precision = spec.precision();
  out.weight_type = spec.weight_type();
  out.model_type = spec.model_type();
  out.suite = spec.suite();
  out.profile = spec.profile();
  if (spec.has_limit()) out.limit = spec.limit();
  out.priority = spec.priority();
  out.time_limit_ms = spec.time_limit_ms();
  ChatSpec chat;
  if (spec.has_chat_template()) chat.chat_template = spec.chat_template();
  chat.fewshot_as_multiturn =
      spec.has_fewshot_as_multiturn() ? spec.fewshot_as_multiturn() : spec.has_chat_template();
  chat.system_instruction = spec.system_instruction();
  out.chat = ChatText(chat);
  return out;
}

Result<store::RequestFilter> FilterFromProto(const v1::ListRequestsRequest& request) {
  store::RequestFilter filter;
  for (const int state : request.states()) {
    ASSIGN_OR_RETURN(const core::RequestState known, StateFromProto(state));
    filter.states.push_back(known);
  }
  filter.suite = request.suite();
  filter.model = request.model();
  filter.submitter = request.submitter();
  return filter;
}

Result<store::Page> PageFromProto(const v1::ListRequestsRequest& request) {
  if (request.page_size() < 0 || request.page_size() > kPageMax) {
    return InvalidArgument(
        fmt::format("page_size: {} is not from 0 to {}", request.page_size(), kPageMax));
  }
  store::Page page;
  page.limit = request.page_size() == 0 ? kPageDefault : request.page_size();
  page.newest_first = request.newest_first();
  const std::string& token = request.page_token();
  if (token.empty()) return page;
  const std::string mark = Fingerprint(request) + ".";
  const std::string_view digits =
      std::string_view(token).substr(std::min(mark.size(), token.size()));
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), page.after_number);
  const bool whole = error == std::errc() && end == digits.data() + digits.size();
  if (!token.starts_with(mark) || !whole || page.after_number < 1) {
    return InvalidArgument(
        "page_token: was not made by this server for these filters; start from the first page");
  }
  return page;
}

std::string ToPageToken(const v1::ListRequestsRequest& request, int64_t last_number) {
  return fmt::format("{}.{}", Fingerprint(request), last_number);
}

}  // namespace koeval::service
