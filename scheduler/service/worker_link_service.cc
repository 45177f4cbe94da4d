// koeval.worker.v1.WorkerLinkService.
#include "scheduler/service/worker_link_service.h"

#include <algorithm>
#include <string>
#include <variant>

#include "common/base/endings.h"
#include "scheduler/service/chat_spec.h"
#include "scheduler/service/limits.h"
#include "scheduler/service/link_convert.h"

namespace koeval::service {
namespace {

using ConnectReactor =
    grpc::ServerBidiReactor<worker::v1::WorkerMessage, worker::v1::SchedulerMessage>;

// A stream that is refused before it began.
class RefusedStream final : public ConnectReactor {
 public:
  explicit RefusedStream(const Status& status) { Finish(rpc::ToGrpc(status)); }
  void OnDone() override { delete this; }
};

using BundleStream = FilledStream<worker::v1::FetchBundleResponse>;

// Opens a bundle at the first filling and gives one piece at each.
class BundleFiller {
 public:
  BundleFiller(const SuiteCatalogue& catalogue, std::string digest)
      : catalogue_(catalogue), digest_(std::move(digest)) {}

  BundleStream::Filled operator()() {
    if (!file_) {
      auto opened = catalogue_.OpenBundle(digest_);
      if (!opened.ok()) return {Fill::kEnd, {}, rpc::ToGrpc(opened.status())};
      file_ = std::move(*opened);
    }
    const std::string_view left = file_->bytes().substr(at_);
    if (left.empty()) return {Fill::kEnd, {}, grpc::Status::OK};
    const std::string_view piece = left.substr(0, kBundlePieceBytes);
    at_ += piece.size();
    BundleStream::Filled filled{Fill::kMore, {}, grpc::Status::OK};
    filled.messages.emplace_back().set_piece(std::string(piece));
    return filled;
  }

 private:
  const SuiteCatalogue& catalogue_;
  const std::string digest_;
  std::shared_ptr<MappedFile> file_;  // shared_ptr: a filler must be copyable
  size_t at_ = 0;
};

void SendLease(WorkerSession& session, const SuiteCatalogue& catalogue, Dispatcher& dispatcher,
               const core::SendLease& lease) {
  const auto suite = catalogue.SuiteOf(lease.spec);
  if (!suite.ok()) {
    dispatcher.PostOwn(core::LeaseEnded{
        lease.session, lease.lease.id, std::string(EndingName(Ending::kDatasetUnavailable)),
        "the suite as it was submitted is gone: " + suite.status().message(), ""});
    return;
  }
  const auto chat = ResolveChat(lease.spec, lease.facts_json, lease.submitted_at);
  if (!chat.ok()) {
    dispatcher.PostOwn(core::LeaseEnded{lease.session, lease.lease.id,
                                        std::string(EndingName(Ending::kBadTokenizer)),
                                        chat.status().message(), ""});
    return;
  }
  session.Send(ToProto(lease, *suite, *chat));
}

}  // namespace

SessionId SessionRegistry::Reserve() {
  MutexLock lock(mutex_);
  if (closed_ || sessions_.size() >= kSessionsMax) return SessionId{0};
  const SessionId id{next_++};
  sessions_.emplace(id, nullptr);
  return id;
}

void SessionRegistry::Add(SessionId id, std::shared_ptr<WorkerSession> session) {
  MutexLock lock(mutex_);
  const auto found = sessions_.find(id);
  if (found != sessions_.end()) found->second = std::move(session);
}

void SessionRegistry::Remove(SessionId id) {
  MutexLock lock(mutex_);
  sessions_.erase(id);
}

std::shared_ptr<WorkerSession> SessionRegistry::Find(SessionId id) const {
  MutexLock lock(mutex_);
  const auto found = sessions_.find(id);
  return found == sessions_.end() ? nullptr : found->second;
}

std::vector<std::shared_ptr<WorkerSession>> SessionRegistry::All() const {
  MutexLock lock(mutex_);
  std::vector<std::shared_ptr<WorkerSession>> all;
  for (const auto& [id, session] : sessions_) {
    if (session) all.push_back(session);
  }
  return all;
}

void SessionRegistry::CloseAll(const Status& status) {
  {
    MutexLock lock(mutex_);
    closed_ = true;
  }
  for (const auto& session : All()) session->Close(status);
}

void SessionRegistry::ExpireSilent(MonoTime now) {
  for (const auto& session : All()) session->ExpireWithoutHello(now);
}

void SendToWorker(const SessionRegistry& sessions, const SuiteCatalogue& catalogue,
                  Dispatcher& dispatcher, const core::Effect& effect) {
  std::visit(
      [&](const auto& send) {
        using Send = std::decay_t<decltype(send)>;
        if constexpr (requires { send.session; }) {
          const auto session = sessions.Find(send.session);
          if (!session) return;
          if constexpr (std::is_same_v<Send, core::CloseSession>) {
            session->Close(send.status);
          } else if constexpr (std::is_same_v<Send, core::SendLease>) {
            SendLease(*session, catalogue, dispatcher, send);
          } else {
            session->Send(ToProto(send));
          }
        }
      },
      effect);
}

ConnectReactor* WorkerLinkService::Connect(grpc::CallbackServerContext* call) {
  const auto actor = Admit(context_.authenticator, *call, rpc::Role::kWorker);
  if (!actor.ok()) return new RefusedStream(actor.status());
  const SessionId id = sessions_.Reserve();
  if (id.value == 0) {
    return new RefusedStream(
        Unavailable("the scheduler stops or has too many workers; try again in a few seconds"));
  }
  auto session = WorkerSession::Start({.id = id,
                                       .dispatcher = context_.dispatcher,
                                       .opened = context_.clock.Mono(),
                                       .on_done = [this, id] { sessions_.Remove(id); }});
  WorkerSession* reactor = session.get();
  sessions_.Add(id, std::move(session));
  return reactor;
}

grpc::ServerWriteReactor<worker::v1::FetchBundleResponse>* WorkerLinkService::FetchBundle(
    grpc::CallbackServerContext* call, const worker::v1::FetchBundleRequest* request) {
  const auto actor = Admit(context_.authenticator, *call, rpc::Role::kWorker, *request);
  if (!actor.ok()) {
    return BundleStream::Start(context_.streams,
                               [status = actor.status()] {
                                 return BundleStream::Filled{Fill::kEnd, {}, rpc::ToGrpc(status)};
                               })
        .get();
  }
  return BundleStream::Start(context_.streams, BundleFiller(context_.catalogue, request->digest()))
      .get();
}

}  // namespace koeval::service
