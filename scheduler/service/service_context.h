// What every gRPC service of the scheduler works with.
#pragma once

#include <grpcpp/grpcpp.h>

#include <string>

#include "common/base/clock.h"
#include "common/rpc/auth.h"
#include "common/rpc/status_convert.h"
#include "scheduler/service/board_state.h"
#include "scheduler/service/check_runner.h"
#include "scheduler/service/config.h"
#include "scheduler/service/dataset_admin.h"
#include "scheduler/service/dataset_store.h"
#include "scheduler/service/dispatcher.h"
#include "scheduler/service/hub_accounts.h"
#include "scheduler/service/limits.h"
#include "scheduler/service/model_hub.h"
#include "scheduler/service/prepared.h"
#include "scheduler/service/reader_pool.h"
#include "scheduler/service/redaction.h"
#include "scheduler/service/suites.h"
#include "scheduler/service/watch_hub.h"
#include "scheduler/service/work_pool.h"

namespace koeval::service {

// All of it outlives the services.
struct ServiceContext {
  const ServiceConfig& config;
  const Clock& clock;
  const rpc::Authenticator& authenticator;
  const SuiteCatalogue& catalogue;
  Dispatcher& dispatcher;
  ReaderPool& readers;
  PreparedCache& prepared;
  WatchHub& watchers;
  WorkPool& reads;    // unary calls; they may wait for the dispatcher
  WorkPool& streams;  // fillings of streams; one for each stream at most
  DatasetStore& datasets;
  DatasetAdmin& dataset_admin;
  BoardState& board;
  CheckRunner& checks;
  ModelHub* hub;          // nullptr where none is configured
  HubAccounts& accounts;  // who shows a token of the hub
  WorkPool& submissions;  // submissions and dry runs; they may wait for the hub
  Redaction& redaction;   // of what others than operators may not know
};

// Who calls, if their role allows it. UNAUTHENTICATED or PERMISSION_DENIED, with the remedy.
inline Result<core::Actor> Admit(const rpc::Authenticator& authenticator,
                                 const grpc::ServerContextBase& call, rpc::Role needed) {
  ASSIGN_OR_RETURN(const rpc::Identity identity, authenticator.Authenticate(call));
  RETURN_IF_ERROR(rpc::CheckRole(identity, needed));
  const rpc::Role role = identity.is_local ? rpc::Role::kOperator : identity.role;
  return core::Actor{identity.name, std::string(rpc::RoleName(role))};
}

// The bound of a client's message: that of the port itself is for worker messages.
// RESOURCE_EXHAUSTED.
template <typename Message>
Status CheckMessageBytes(const Message& message) {
  if (message.ByteSizeLong() <= kClientMessageBytesMax) return OkStatus();
  return ResourceExhausted("the message is larger than " + std::to_string(kClientMessageBytesMax) +
                           " bytes; send less");
}

// The same for a call of a client, whose message is bounded too.
template <typename Message>
Result<core::Actor> Admit(const rpc::Authenticator& authenticator,
                          const grpc::ServerContextBase& call, rpc::Role needed,
                          const Message& message) {
  RETURN_IF_ERROR(CheckMessageBytes(message));
  return Admit(authenticator, call, needed);
}

}  // namespace koeval::service
