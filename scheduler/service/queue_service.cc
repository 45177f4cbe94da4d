// koeval.v1.QueueService: what readers and operators ask.
#include "scheduler/service/queue_service.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <deque>
#include <filesystem>
#include <utility>
#include <vector>

#include "common/base/log.h"
#include "scheduler/board/board_path.h"
#include "scheduler/core/event_kinds.h"
#include "scheduler/service/live_view.h"
#include "scheduler/service/private_folder.h"
#include "scheduler/service/queue_convert.h"
#include "scheduler/service/submission.h"
#include "scheduler/service/unary_call.h"

namespace koeval::service {
namespace {

namespace fs = std::filesystem;

// What one Watch stream remembers between its fillings.
class WatchFiller {
 public:
  WatchFiller(const ServiceContext& context, core::Actor actor, int64_t after, RequestId id)
      : context_(context), actor_(std::move(actor)), after_(after), id_(std::move(id)) {}

  WatchHub::Stream::Filled operator()() {
    // Read first: what is committed later wakes the stream again.
    const int64_t committed = context_.dispatcher.committed_seq();
    auto events = Read();
    if (!events.ok()) return {Fill::kEnd, {}, rpc::ToGrpc(events.status())};
    WatchHub::Stream::Filled filled;
    for (const core::EventRow& event : *events) {
      filled.messages.push_back(ToProto(event));
      context_.redaction.Hide(actor_, &filled.messages.back());
    }
    if (!events->empty()) after_ = events->back().seq;
    if (static_cast<int64_t>(events->size()) == kWatchBatch) {
      filled.next = Fill::kMore;
      return filled;
    }
    after_ = std::max(after_, committed);
    filled.next = Fill::kWait;
    return filled;
  }

 private:
  Result<std::vector<core::EventRow>> Read() {
    ASSIGN_OR_RETURN(const auto reader, context_.readers.Borrow());
    return reader->Events(after_, id_, kWatchBatch);
  }

  const ServiceContext& context_;
  const core::Actor actor_;
  int64_t after_;
  const RequestId id_;
};

// The newest entries of the feed about `id`, stored batches left out, oldest first.
Result<std::deque<core::EventRow>> NewestDecisions(store::Reader& reader, const RequestId& id) {
  std::deque<core::EventRow> out;
  int64_t after = 0;
  for (int64_t read = 0; read < kExplainEventsMax; read += kPageMax) {
    ASSIGN_OR_RETURN(auto events, reader.Events(after, id, kPageMax));
    for (core::EventRow& event : events) {
      after = event.seq;
      if (event.kind == core::kind::kBatch) continue;
      if (out.size() == kExplainDecisionsMax) out.pop_front();
      out.push_back(std::move(event));
    }
    if (static_cast<int64_t>(events.size()) < kPageMax) break;
  }
  return out;
}

std::string BackupName(WallTime now) {
  std::string name = "koeval-" + FormatUtcMicros(now) + ".db";
  std::erase(name, ':');
  return name;
}

}  // namespace

grpc::ServerUnaryReactor* QueueService::GetRequest(grpc::CallbackServerContext* call,
                                                   const v1::GetRequestRequest* request,
                                                   v1::GetRequestResponse* response) {
  return AnswerInPool(context_, call, rpc::Role::kReader, *request,
                      [this, request, response](const core::Actor& actor) {
                        return DoGet(actor, *request, response);
                      });
}

Status QueueService::DoGet(const core::Actor& actor, const v1::GetRequestRequest& request,
                           v1::GetRequestResponse* response) {
  const RequestId id{request.request_id()};
  ASSIGN_OR_RETURN(const auto reader, context_.readers.Borrow());
  ASSIGN_OR_RETURN(const core::RequestRow row, reader->GetRequest(id));
  ASSIGN_OR_RETURN(const auto live, AskLiveViews(context_.dispatcher, std::span(&row, 1)));
  ASSIGN_OR_RETURN(const auto attempts, reader->Attempts(id));
  *response->mutable_request() = ToProto(row, live.front());
  for (const core::AttemptRow& attempt : attempts) *response->add_attempts() = ToProto(attempt);
  context_.redaction.Hide(actor, response);
  return OkStatus();
}

grpc::ServerUnaryReactor* QueueService::Explain(grpc::CallbackServerContext* call,
                                                const v1::ExplainRequest* request,
                                                v1::ExplainResponse* response) {
  return AnswerInPool(context_, call, rpc::Role::kReader, *request,
                      [this, request, response](const core::Actor& actor) {
                        return DoExplain(actor, *request, response);
                      });
}

Status QueueService::DoExplain(const core::Actor& actor, const v1::ExplainRequest& request,
                               v1::ExplainResponse* response) {
  const RequestId id{request.request_id()};
  ASSIGN_OR_RETURN(const auto reader, context_.readers.Borrow());
  ASSIGN_OR_RETURN(const core::RequestRow row, reader->GetRequest(id));
  ASSIGN_OR_RETURN(const auto live, AskLiveViews(context_.dispatcher, std::span(&row, 1)));
  *response->mutable_request() = ToProto(row, live.front());
  ASSIGN_OR_RETURN(const auto decisions, NewestDecisions(*reader, id));
  for (const core::EventRow& event : decisions) *response->add_decisions() = ToProto(event);
  Result<core::Explanation> why = Internal("the core was not asked");
  RETURN_IF_ERROR(context_.dispatcher.Ask(
      [&](const core::Core& core, core::Now) { why = core.Explain(id, kExplainSlotsMax); }));
  if (!why.ok()) {  // it has ended
    response->set_answer(row.ending.empty() ? "It has just ended."
                                            : "It has ended as " + row.ending + ".");
    context_.redaction.Hide(actor, response);
    return OkStatus();
  }
  response->set_answer(why->answer);
  response->set_memory_bytes(why->memory_bytes);
  response->set_hardware_class(why->bound_class);
  response->set_slots_known(why->slots_known);
  for (const core::SlotVerdict& verdict : why->slots) *response->add_slots() = ToProto(verdict);
  context_.redaction.Hide(actor, response);
  return OkStatus();
}

grpc::ServerUnaryReactor* QueueService::ListRequests(grpc::CallbackServerContext* call,
                                                     const v1::ListRequestsRequest* request,
                                                     v1::ListRequestsResponse* response) {
  return AnswerInPool(context_, call, rpc::Role::kReader, *request,
                      [this, request, response](const core::Actor& actor) {
                        return DoList(actor, *request, response);
                      });
}

Status QueueService::DoList(const core::Actor& actor, const v1::ListRequestsRequest& request,
                            v1::ListRequestsResponse* response) {
  ASSIGN_OR_RETURN(const store::RequestFilter filter, FilterFromProto(request));
  ASSIGN_OR_RETURN(store::Page page, PageFromProto(request));
  const auto size = static_cast<size_t>(page.limit);
  ++page.limit;  // one more says whether there is a next page
  ASSIGN_OR_RETURN(const auto reader, context_.readers.Borrow());
  ASSIGN_OR_RETURN(auto rows, reader->ListRequests(filter, page));
  const bool more = rows.size() > size;
  if (more) rows.resize(size);
  if (more) response->set_next_page_token(ToPageToken(request, rows.back().number));
  if (!filter.model.empty() && !Redaction::SeesAll(actor)) {
    // A folder that the caller may not see must not be found by guesses at it either.
    std::erase_if(rows, [&](const core::RequestRow& row) {
      return row.spec.model.starts_with('/') && row.spec.submitter != actor.who &&
             board::PublicModelName(row.spec.model).find(filter.model) == std::string::npos;
    });
  }
  ASSIGN_OR_RETURN(const auto live, AskLiveViews(context_.dispatcher, rows));
  for (size_t i = 0; i < rows.size(); ++i) *response->add_requests() = ToProto(rows[i], live[i]);
  context_.redaction.Hide(actor, response);
  return OkStatus();
}

grpc::ServerWriteReactor<v1::WatchResponse>* QueueService::Watch(grpc::CallbackServerContext* call,
                                                                 const v1::WatchRequest* request) {
  const auto refuse = [this](const Status& status) {
    return WatchHub::Stream::Refuse(context_.streams, rpc::ToGrpc(status)).get();
  };
  const auto actor = Admit(context_.authenticator, *call, rpc::Role::kReader, *request);
  if (!actor.ok()) return refuse(actor.status());
  const int64_t committed = context_.dispatcher.committed_seq();
  if (request->after_seq() < 0 || request->after_seq() > committed) {
    return refuse(OutOfRange(fmt::format(
        "after_seq: {} is not from 0 to {}; read the queue again and start from its last_seq",
        request->after_seq(), committed)));
  }
  if (!context_.watchers.Reserve()) {
    return refuse(ResourceExhausted(fmt::format(
        "there are {} watchers already, or the scheduler stops; try again later", kWatchersMax)));
  }
  const bool from_now = request->after_seq() == 0 && !request->from_start();
  auto stream = WatchHub::Stream::Start(
      context_.streams,
      WatchFiller(context_, *actor, from_now ? committed : request->after_seq(),
                  RequestId{request->request_id()}),
      [this] { context_.watchers.Release(); });
  context_.watchers.Add(stream);
  stream->Wake();  // for what was committed before the hub knew it
  return stream.get();
}

grpc::ServerUnaryReactor* QueueService::GetQueue(grpc::CallbackServerContext* call,
                                                 const v1::GetQueueRequest* request,
                                                 v1::GetQueueResponse* response) {
  return AnswerAtOnce(context_, call, rpc::Role::kReader, *request,
                      [this, response](const core::Actor&) {
                        *response = ToProto(context_.dispatcher.counts(), context_.clock.Wall());
                        return OkStatus();
                      });
}

grpc::ServerUnaryReactor* QueueService::SetDispatch(grpc::CallbackServerContext* call,
                                                    const v1::SetDispatchRequest* request,
                                                    v1::SetDispatchResponse* response) {
  return AnswerLater(
      context_, call, rpc::Role::kOperator, *request,
      [this, request, response](const core::Actor& actor, grpc::ServerUnaryReactor* reactor) {
        return context_.dispatcher.Call(
            [&](core::ReplyToken token) {
              return core::SetPaused{token, actor, request->paused()};
            },
            [reactor, response](const core::Reply& reply, const core::Core& core) {
              response->set_paused(core.counts().paused);
              reactor->Finish(rpc::ToGrpc(reply.status));
            });
      });
}

grpc::ServerUnaryReactor* QueueService::Backup(grpc::CallbackServerContext* call,
                                               const v1::BackupRequest* request,
                                               v1::BackupResponse* response) {
  return AnswerInPool(context_, call, rpc::Role::kOperator, *request,
                      [this, request, response](const core::Actor& actor) {
                        return DoBackup(actor, request->name(), response);
                      });
}

Status QueueService::DoBackup(const core::Actor& actor, const std::string& wanted,
                              v1::BackupResponse* response) {
  const WallTime now = context_.clock.Wall();
  const std::string name = wanted.empty() ? BackupName(now) : wanted;
  if (!ValidateRequestId(name).ok() || name.front() == '.') {
    return InvalidArgument(
        "name: must be 1 to 64 of letters, digits and . _ -, not starting with a dot");
  }
  const fs::path folder = fs::path(context_.config.state_dir) / "backups";
  const std::string path = (folder / name).string();
  std::error_code error;
  if (const Status made = MakePrivateFolder(folder); !made.ok()) return Unavailable(made.message());
  if (fs::exists(path, error)) return AlreadyExists("name: " + path + " exists; choose another");
  const std::array<core::Mutation, 1> audit = {
      core::AuditRow{now, actor.who, actor.role, "backup", path, ""}};
  const auto copy = [&path, &audit](store::JobStore& store) {
    const Status copied = store.Backup(path);
    return copied.ok() ? store.Commit(audit) : copied;
  };
  RETURN_IF_ERROR(context_.dispatcher.AskStore(copy));
  spdlog::info("database copied to {} by {}", path, LogSafe(actor.who));
  response->set_path(path);
  response->set_bytes(static_cast<int64_t>(fs::file_size(path, error)));
  return OkStatus();
}

}  // namespace koeval::service
