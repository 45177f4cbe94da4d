// Who a client is by a token of the model hub, where the operator allows that.
#pragma once

#include <grpcpp/grpcpp.h>

#include <string>
#include <unordered_map>

#include "common/base/clock.h"
#include "common/base/mutex.h"
#include "common/base/status.h"
#include "scheduler/core/events.h"
#include "scheduler/service/model_hub.h"

namespace koeval::service {

// The metadata key of a call that carries such a token.
inline constexpr const char* kHubTokenKey = "koeval-hub-token";

// Asks the hub once per token and a while; remembers SHA-256 digests of tokens, never a token.
// Thread-safe.
class HubAccounts {
 public:
  // `hub` may be nullptr; `accept`: whether tokens of the hub are looked at at all.
  HubAccounts(ModelHub* hub, bool accept, const Clock& clock)
      : hub_(accept ? hub : nullptr), clock_(clock) {}

  // Whether tokens of the hub are looked at.
  bool accepts() const { return hub_ != nullptr; }
  // The hub token that the call carries; "" when it carries none or none are accepted.
  std::string TokenOf(const grpc::ServerContextBase& call) const;
  // The submitter "hub:ACCOUNT". Blocks. UNAUTHENTICATED for a token that the hub does not know,
  // UNAVAILABLE when the hub does not answer; neither message holds the token.
  Result<core::Actor> Find(const std::string& token) EXCLUDES(mutex_);

 private:
  struct Known {
    std::string account;
    MonoTime until;
  };

  ModelHub* const hub_;
  const Clock& clock_;
  Mutex mutex_;
  std::unordered_map<std::string, Known> known_ GUARDED_BY(mutex_);  // by digest of the token
};

}  // namespace koeval::service
