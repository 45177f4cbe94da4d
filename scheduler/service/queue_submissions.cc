// koeval.v1.QueueService: what submitters ask.
#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "common/base/json.h"
#include "common/evaluation/tokenizer_generation.h"
#include "common/hub/repository_name.h"
#include "scheduler/service/dry_run.h"
#include "scheduler/service/live_view.h"
#include "scheduler/service/queue_convert.h"
#include "scheduler/service/queue_service.h"
#include "scheduler/service/run_estimate.h"
#include "scheduler/service/submission.h"
#include "scheduler/service/unary_call.h"

namespace koeval::service {
namespace {

// A reply to `actor` with a request row, into any response that has one; then `done`.
template <typename Response>
Dispatcher::OnReply RowReply(Redaction& redaction, const core::Actor& actor, Response* response,
                             std::function<void(const Status&)> done) {
  return [&redaction, actor, response, done = std::move(done)](const core::Reply& reply,
                                                               const core::Core& core) {
    if (reply.status.ok() && reply.request) {
      *response->mutable_request() = ToProto(*reply.request, ReadLiveView(core, *reply.request));
      redaction.Hide(actor, response->mutable_request());
    }
    done(reply.status);
  };
}

std::function<void(const Status&)> Finisher(grpc::ServerUnaryReactor* reactor) {
  return [reactor](const Status& status) { reactor->Finish(rpc::ToGrpc(status)); };
}

}  // namespace

template <typename Message, typename Job>
grpc::ServerUnaryReactor* QueueService::AsSubmitter(grpc::CallbackServerContext* call,
                                                    const Message& message, Job job) {
  const auto post = [this, &job](const core::Actor& actor, std::string hub_token,
                                 grpc::ServerUnaryReactor* reactor) {
    const bool taken = context_.submissions.TryRun(
        [this, actor, hub_token = std::move(hub_token), reactor, job = std::move(job)] {
          const auto known =
              hub_token.empty() ? Result<core::Actor>(actor) : context_.accounts.Find(hub_token);
          FinishUnlessPosted(reactor, known.ok() ? job(*known, reactor) : known.status());
        });
    return taken ? OkStatus() : TooManyCalls();
  };
  std::string hub_token = context_.accounts.TokenOf(*call);
  if (hub_token.empty()) {
    return AnswerLater(context_, call, rpc::Role::kSubmitter, message,
                       [&post](const core::Actor& actor, grpc::ServerUnaryReactor* reactor) {
                         return post(actor, "", reactor);
                       });
  }
  grpc::ServerUnaryReactor* reactor = call->DefaultReactor();
  const Status bounded = CheckMessageBytes(message);
  FinishUnlessPosted(reactor, bounded.ok() ? post({}, std::move(hub_token), reactor) : bounded);
  return reactor;
}

grpc::ServerUnaryReactor* QueueService::Submit(grpc::CallbackServerContext* call,
                                               const v1::SubmitRequest* request,
                                               v1::SubmitResponse* response) {
  return AsSubmitter(
      call, *request,
      [this, request, response](const core::Actor& actor, grpc::ServerUnaryReactor* reactor) {
        return DoSubmit(actor, *request, response, Finisher(reactor));
      });
}

Result<std::pair<core::RequestSpec, std::string>> QueueService::Resolve(
    const core::Actor& actor, const v1::RequestSpec& wanted, const std::string& request_id) {
  core::RequestSpec spec = FromProto(wanted);
  spec.submitter = actor.who;
  auto complete = CompleteSpec(std::move(spec), context_.config, context_.catalogue);
  RETURN_IF_ERROR(context_.redaction.Hidden(actor, complete.status()));
  spec = *std::move(complete);
  std::string identity;
  if (context_.hub == nullptr || !IsHubModel(spec, context_.config)) {
    return std::pair(std::move(spec), std::move(identity));
  }
  // A call that is repeated means the commit that its first one was answered with, though the
  // branch may have moved since; one that differs is refused by the core. Neither needs the hub.
  if (!request_id.empty()) {
    ASSIGN_OR_RETURN(const auto reader, context_.readers.Borrow());
    const auto known = reader->GetRequest(RequestId{request_id});
    if (known.ok()) {
      const bool is_same = known->spec.wanted_revision.empty() && !hub::IsCommit(spec.revision);
      if (is_same) spec.wanted_revision.clear();  // stored before the name was
      if (is_same || known->spec.wanted_revision == spec.wanted_revision) {
        spec.revision = known->spec.revision;
      }
      return std::pair(std::move(spec), std::move(identity));
    }
  }
  ASSIGN_OR_RETURN(identity, PinToCommit(*context_.hub, &spec));
  return std::pair(std::move(spec), std::move(identity));
}

Status QueueService::DoSubmit(const core::Actor& actor, const v1::SubmitRequest& request,
                              v1::SubmitResponse* response,
                              std::function<void(const Status&)> done) {
  RETURN_IF_ERROR(ValidateRequestId(request.request_id()));
  ASSIGN_OR_RETURN(auto resolved, Resolve(actor, request.spec(), request.request_id()));
  auto on_row = RowReply(context_.redaction, actor, response, std::move(done));
  return context_.dispatcher.Call(
      [&](core::ReplyToken token) {
        return core::Submit{token,
                            actor,
                            RequestId{request.request_id()},
                            std::move(resolved.first),
                            std::move(resolved.second),
                            request.force()};
      },
      [response, on_row](const core::Reply& reply, const core::Core& core) {
        response->set_already_known(reply.already_known);
        on_row(reply, core);
      });
}

grpc::ServerUnaryReactor* QueueService::DryRun(grpc::CallbackServerContext* call,
                                               const v1::DryRunRequest* request,
                                               v1::DryRunResponse* response) {
  return AsSubmitter(
      call, *request,
      [this, request, response](const core::Actor& actor, grpc::ServerUnaryReactor* reactor) {
        const Status done = DoDryRun(actor, *request, response);
        if (done.ok()) reactor->Finish(grpc::Status::OK);
        return done;
      });
}

Status QueueService::DoDryRun(const core::Actor& actor, const v1::DryRunRequest& request,
                              v1::DryRunResponse* response) {
  const int running = dry_runs_.fetch_add(1);
  struct Leave {
    std::atomic<int>& count;
    ~Leave() { --count; }
  } leave{dry_runs_};
  if (running >= kDryRunsMax) {
    return ResourceExhausted("other dry runs are being made; try again in a few seconds");
  }
  ASSIGN_OR_RETURN(auto resolved, Resolve(actor, request.spec(), ""));
  DryRunParts parts;
  parts.spec = std::move(resolved.first);
  parts.identity = std::move(resolved.second);
  TokenSample sample;
  const auto ask = [&](const CheckReport& report) -> Result<TokenQuestion> {
    parts.report = report;
    ASSIGN_OR_RETURN(parts.suite, context_.prepared.Get(RowOf(parts, context_.clock.Wall())));
    sample = SampleTokens(*parts.suite, kTokenSampleBytes);
    ASSIGN_OR_RETURN(const auto profile, evaluation::ParseProfile(parts.spec.profile));
    return TokenQuestion{evaluation::TokenizerGeneration(profile), sample.texts};
  };
  ASSIGN_OR_RETURN(CountedCheck counted,
                   context_.checks.CheckAndCount(CheckSpecOf(parts.spec), ask));
  parts.report = std::move(counted.report);
  if (counted.tokens) parts.tokens = TokensOf(sample, *counted.tokens);
  ASSIGN_OR_RETURN(const auto reader, context_.readers.Borrow());
  const auto parameters = JsonInt(parts.report.facts, "parameters", "facts");
  ASSIGN_OR_RETURN(parts.run_ms,
                   EstimateRunMs(*reader, parts.spec, parameters.ok() ? *parameters : 0));
  const int64_t memory = MemoryNeed(parts.report, context_.catalogue.GenerationOf(parts.spec));
  std::optional<Ahead> ahead;
  const auto look = [&parts, &ahead, memory](const core::Core& core, core::Now) {
    parts.preview = core.PreviewOf(parts.spec, memory, kExplainSlotsMax);
    if (const core::RequestRow* same = core.FindSame(parts.identity)) parts.same = same->id.text;
    const bool waits = parts.preview.fits && !parts.preview.start_ms;
    if (waits) ahead = AheadOf(core, parts.spec.priority);
  };
  RETURN_IF_ERROR(context_.dispatcher.Ask(look));
  if (ahead) {
    ASSIGN_OR_RETURN(parts.preview.start_ms, EstimateStartMs(*reader, *ahead));
  }
  FillDryRun(parts, response);
  context_.redaction.Hide(actor, response);
  return OkStatus();
}

grpc::ServerUnaryReactor* QueueService::Cancel(grpc::CallbackServerContext* call,
                                               const v1::CancelRequest* request,
                                               v1::CancelResponse* response) {
  return AsSubmitter(
      call, *request,
      [this, request, response](const core::Actor& actor, grpc::ServerUnaryReactor* reactor) {
        return context_.dispatcher.Call(
            [&](core::ReplyToken token) {
              return core::Cancel{token, actor, RequestId{request->request_id()}};
            },
            RowReply(context_.redaction, actor, response, Finisher(reactor)));
      });
}

grpc::ServerUnaryReactor* QueueService::Retry(grpc::CallbackServerContext* call,
                                              const v1::RetryRequest* request,
                                              v1::RetryResponse* response) {
  return AsSubmitter(
      call, *request,
      [this, request, response](const core::Actor& actor, grpc::ServerUnaryReactor* reactor) {
        return context_.dispatcher.Call(
            [&](core::ReplyToken token) {
              return core::Retry{token, actor, RequestId{request->request_id()}};
            },
            RowReply(context_.redaction, actor, response, Finisher(reactor)));
      });
}

}  // namespace koeval::service
