// The worker link to and from core values.
#include "scheduler/service/link_convert.h"

#include <fmt/core.h>

#include <string>
#include <utility>
#include <vector>

#include "common/base/json.h"
#include "common/evaluation/chat_options.h"
#include "scheduler/service/limits.h"
#include "scheduler/service/version.h"

namespace koeval::service {
namespace {

using Proto = worker::v1::WorkerMessage;

Result<std::vector<core::HeldLease>> HeldFromProto(
    const google::protobuf::RepeatedPtrField<worker::v1::HeldLease>& held) {
  if (held.size() > kWorkerHeldMax) {
    return InvalidArgument(fmt::format("held: more than {} leases", kWorkerHeldMax));
  }
  std::vector<core::HeldLease> out;
  for (const auto& lease : held) out.push_back({LeaseId{lease.lease()}, lease.slot()});
  return out;
}

core::Event PlanFromProto(const worker::v1::PlanReady& ready, SessionId session) {
  core::PlanReady out{session, LeaseId{ready.lease()}, {}};
  out.plan.digest = ready.digest();
  for (const auto& task : ready.tasks()) {
    out.plan.tasks.push_back(
        {task.task(), task.batches(), task.requests(), task.documents(), task.truncated()});
  }
  return out;
}

core::Event BatchFromProto(worker::v1::BatchDone done, SessionId session) {
  return core::BatchDone{session,           LeaseId{done.lease()},
                         done.batch(),      std::move(*done.mutable_results_json()),
                         done.run_ms(),     done.hardware_class(),
                         done.plan_digest()};
}

Result<core::Event> HeartbeatFromProto(const worker::v1::Heartbeat& beat, SessionId session) {
  if (beat.warm_size() > kWorkerSlotsMax) {
    return InvalidArgument(fmt::format("warm: more than {} slots", kWorkerSlotsMax));
  }
  core::WorkerHeartbeat out{session, {}, {}};
  ASSIGN_OR_RETURN(out.held, HeldFromProto(beat.held()));
  for (const auto& warm : beat.warm()) out.warm.push_back({warm.slot(), warm.model_key()});
  return core::Event(std::move(out));
}

}  // namespace

Result<core::WorkerHello> HelloFromProto(const worker::v1::Hello& hello, SessionId session) {
  if (hello.protocol() != kLinkProtocol) {
    return FailedPrecondition(fmt::format(
        "worker {} speaks protocol {} and this scheduler {}; upgrade the {} to the version of the "
        "other",
        hello.version(), hello.protocol(), kLinkProtocol,
        hello.protocol() < kLinkProtocol ? "worker" : "scheduler"));
  }
  if (hello.slots_size() > kWorkerSlotsMax) {
    return InvalidArgument(fmt::format("slots: more than {}", kWorkerSlotsMax));
  }
  core::WorkerHello out{session, WorkerId{hello.worker()}, hello.version(), {}, {}};
  for (const auto& slot : hello.slots()) {
    out.slots.push_back({slot.index(), slot.device(), slot.memory_bytes(), slot.hardware_class()});
  }
  ASSIGN_OR_RETURN(out.held, HeldFromProto(hello.held()));
  return out;
}

Result<core::Event> EventFromProto(Proto message, SessionId session) {
  switch (message.body_case()) {
    case Proto::kHeartbeat:
      return HeartbeatFromProto(message.heartbeat(), session);
    case Proto::kPlanReady:
      return PlanFromProto(message.plan_ready(), session);
    case Proto::kBatchDone:
      return BatchFromProto(std::move(*message.mutable_batch_done()), session);
    case Proto::kLeaseEnded: {
      const auto& ended = message.lease_ended();
      return core::Event(core::LeaseEnded{session, LeaseId{ended.lease()}, ended.ending(),
                                          ended.reason(), ended.remedy()});
    }
    case Proto::kHello:
      return InvalidArgument("Hello must come once, as the first message");
    case Proto::BODY_NOT_SET:
      break;
  }
  return InvalidArgument("a message of an unknown kind; upgrade the scheduler");
}

worker::v1::SchedulerMessage ToProto(const core::SendWelcome& welcome) {
  worker::v1::SchedulerMessage out;
  auto* body = out.mutable_welcome();
  body->set_session(welcome.session.value);
  body->set_heartbeat_ms(welcome.heartbeat_ms);
  body->set_lease_ms(welcome.lease_ms);
  for (const LeaseId lease : welcome.keep) body->add_keep(lease.value);
  return out;
}

worker::v1::SchedulerMessage ToProto(const core::SendLease& send, const evaluation::Suite& suite,
                                     const evaluation::ChatOptions& chat) {
  worker::v1::SchedulerMessage out;
  auto* body = out.mutable_lease();
  body->set_lease(send.lease.id.value);
  body->set_slot(send.lease.slot);
  body->set_request_id(send.lease.request.text);
  body->set_model(send.spec.model);
  body->set_revision(send.spec.revision);
  body->set_precision(send.spec.precision);
  body->set_profile(send.spec.profile);
  body->set_bundle_digest(send.spec.bundle_digest);
  if (send.spec.limit) body->set_limit(*send.spec.limit);
  body->set_suite(send.spec.suite);
  body->set_begin(send.lease.begin);
  body->set_end(send.lease.end);
  body->set_plan_digest(send.plan_digest);
  body->set_time_left_ms(send.time_left_ms);
  if (!evaluation::IsPlain(chat)) {
    body->set_chat_json(CompactJson(evaluation::ChatOptionsToJson(chat)));
  }
  for (const std::string& task : evaluation::SuiteTasks(suite)) {
    auto* shots = body->add_shots();
    shots->set_task(task);
    if (const auto count = evaluation::SuiteShots(suite, task)) shots->set_num_fewshot(*count);
  }
  return out;
}

worker::v1::SchedulerMessage ToProto(const core::SendStored& stored) {
  worker::v1::SchedulerMessage out;
  out.mutable_batch_stored()->set_lease(stored.lease.value);
  out.mutable_batch_stored()->set_batch(stored.batch);
  return out;
}

worker::v1::SchedulerMessage ToProto(const core::SendRevoke& revoke) {
  worker::v1::SchedulerMessage out;
  out.mutable_revoke()->set_lease(revoke.lease.value);
  out.mutable_revoke()->set_reason(revoke.reason);
  return out;
}

worker::v1::SchedulerMessage ToProto(const core::SendHeartbeatAck&) {
  worker::v1::SchedulerMessage out;
  out.mutable_heartbeat_ack();
  return out;
}

}  // namespace koeval::service
