// Field by field, both ways.
#include "worker/agent/link_convert.h"

#include "worker/agent/limits.h"

namespace koeval::agent {
namespace {

namespace pb = koeval::worker::v1;

void Fill(const Hello& from, pb::WorkerMessage& to) {
  pb::Hello& hello = *to.mutable_hello();
  hello.set_protocol(kProtocol);
  hello.set_worker(from.worker);
  hello.set_version(from.version);
  for (const SlotInfo& slot : from.slots) {
    pb::SlotInfo& out = *hello.add_slots();
    out.set_index(slot.index);
    out.set_device(slot.device);
    out.set_memory_bytes(slot.memory_bytes);
    out.set_hardware_class(slot.hardware_class);
  }
  for (const HeldLease& held : from.held) {
    pb::HeldLease& out = *hello.add_held();
    out.set_lease(held.lease.value);
    out.set_slot(held.slot);
  }
}

void Fill(const Heartbeat& from, pb::WorkerMessage& to) {
  pb::Heartbeat& heartbeat = *to.mutable_heartbeat();
  for (const HeldLease& held : from.held) {
    pb::HeldLease& out = *heartbeat.add_held();
    out.set_lease(held.lease.value);
    out.set_slot(held.slot);
  }
  for (const WarmModel& warm : from.warm) {
    pb::WarmModel& out = *heartbeat.add_warm();
    out.set_slot(warm.slot);
    out.set_model_key(warm.model_key);
  }
}

void Fill(const PlanReady& from, pb::WorkerMessage& to) {
  pb::PlanReady& plan = *to.mutable_plan_ready();
  plan.set_lease(from.lease.value);
  plan.set_digest(from.digest);
  for (const PlanTask& task : from.tasks) {
    pb::PlanTask& out = *plan.add_tasks();
    out.set_task(task.task);
    out.set_batches(task.batches);
    out.set_requests(task.requests);
    out.set_documents(task.documents);
    out.set_truncated(task.truncated);
  }
}

void Fill(const BatchDone& from, pb::WorkerMessage& to) {
  pb::BatchDone& batch = *to.mutable_batch_done();
  batch.set_lease(from.lease.value);
  batch.set_batch(from.batch);
  batch.set_results_json(from.results_json);
  batch.set_run_ms(from.run_ms);
  batch.set_hardware_class(from.hardware_class);
  batch.set_plan_digest(from.plan_digest);
}

void Fill(const LeaseEnded& from, pb::WorkerMessage& to) {
  pb::LeaseEnded& ended = *to.mutable_lease_ended();
  ended.set_lease(from.lease.value);
  ended.set_ending(from.ending);
  ended.set_reason(from.reason);
  ended.set_remedy(from.remedy);
}

LeaseOrder Order(const pb::Lease& from) {
  LeaseOrder to;
  to.lease = {from.lease()};
  to.slot = from.slot();
  to.request = {from.request_id()};
  to.model = from.model();
  to.revision = from.revision();
  to.precision = from.precision();
  to.profile = from.profile();
  to.suite = from.suite();
  to.bundle_digest = from.bundle_digest();
  to.plan_digest = from.plan_digest();
  if (from.has_limit()) to.limit = from.limit();
  to.begin = from.begin();
  to.end = from.end();
  to.time_left_ms = from.time_left_ms();
  to.chat_json = from.chat_json();
  for (const pb::TaskShots& shots : from.shots()) {
    TaskShots& out = to.shots.emplace_back();
    out.task = shots.task();
    if (shots.has_num_fewshot()) out.num_fewshot = shots.num_fewshot();
  }
  return to;
}

}  // namespace

pb::WorkerMessage ToProto(const ToScheduler& message) {
  pb::WorkerMessage out;
  std::visit([&out](const auto& body) { Fill(body, out); }, message);
  return out;
}

std::optional<FromScheduler> FromProto(const pb::SchedulerMessage& message) {
  switch (message.body_case()) {
    case pb::SchedulerMessage::kWelcome: {
      Welcome welcome{{message.welcome().session()},
                      message.welcome().heartbeat_ms(),
                      message.welcome().lease_ms(),
                      {}};
      for (const int64_t lease : message.welcome().keep()) welcome.keep.push_back({lease});
      return welcome;
    }
    case pb::SchedulerMessage::kLease:
      return Order(message.lease());
    case pb::SchedulerMessage::kBatchStored:
      return BatchStored{{message.batch_stored().lease()}, message.batch_stored().batch()};
    case pb::SchedulerMessage::kRevoke:
      return Revoke{{message.revoke().lease()}, message.revoke().reason()};
    case pb::SchedulerMessage::kHeartbeatAck:
      return HeartbeatAck{};
    case pb::SchedulerMessage::BODY_NOT_SET:
      return std::nullopt;
  }
  return std::nullopt;
}

}  // namespace koeval::agent
