// How a unary call of a client is admitted and answered, for every service alike.
#pragma once

#include <grpcpp/grpcpp.h>

#include <utility>

#include "common/rpc/status_convert.h"
#include "scheduler/service/service_context.h"

namespace koeval::service {

// Finishes `reactor` with `status` unless it is OK: then what was posted will.
inline void FinishUnlessPosted(grpc::ServerUnaryReactor* reactor, const Status& status) {
  if (!status.ok()) reactor->Finish(rpc::ToGrpc(status));
}

// The functions below return the reactor of `call`. A caller that `Admit` refuses gets its status,
// and the work does not run.

// Runs `post(actor, reactor)` on the thread of gRPC, so it must not block. OK: what it has posted
// finishes the reactor, once; anything else finishes it here.
template <typename Message, typename Post>
grpc::ServerUnaryReactor* AnswerLater(const ServiceContext& context,
                                      grpc::CallbackServerContext* call, rpc::Role needed,
                                      const Message& message, Post post) {
  grpc::ServerUnaryReactor* reactor = call->DefaultReactor();
  const auto actor = Admit(context.authenticator, *call, needed, message);
  FinishUnlessPosted(reactor, actor.ok() ? post(*actor, reactor) : actor.status());
  return reactor;
}

// Finishes with the Status of `work(actor)`, run on the thread of gRPC: it must not block.
template <typename Message, typename Work>
grpc::ServerUnaryReactor* AnswerAtOnce(const ServiceContext& context,
                                       grpc::CallbackServerContext* call, rpc::Role needed,
                                       const Message& message, Work work) {
  grpc::ServerUnaryReactor* reactor = call->DefaultReactor();
  const auto actor = Admit(context.authenticator, *call, needed, message);
  reactor->Finish(rpc::ToGrpc(actor.ok() ? work(*actor) : actor.status()));
  return reactor;
}

// Finishes with the Status of `work(actor)`, run in the pool of unary calls: it may read the store
// and wait for the dispatcher. RESOURCE_EXHAUSTED when the pool is full.
template <typename Message, typename Work>
grpc::ServerUnaryReactor* AnswerInPool(const ServiceContext& context,
                                       grpc::CallbackServerContext* call, rpc::Role needed,
                                       const Message& message, Work work) {
  return AnswerLater(
      context, call, needed, message,
      [&context, &work](const core::Actor& actor, grpc::ServerUnaryReactor* reactor) {
        const bool taken = context.reads.TryRun([actor, reactor, work = std::move(work)] {
          reactor->Finish(rpc::ToGrpc(work(actor)));
        });
        return taken ? OkStatus() : TooManyCalls();
      });
}

}  // namespace koeval::service
