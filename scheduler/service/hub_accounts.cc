// Accounts of the hub behind tokens.
#include "scheduler/service/hub_accounts.h"

#include <algorithm>
#include <cctype>

#include "common/base/sha256.h"
#include "scheduler/service/limits.h"

namespace koeval::service {
namespace {

// Account names become names in the audit log.
bool IsAccountName(const std::string& name) {
  return !name.empty() && name.size() <= kHubAccountBytesMax &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_' ||
                  c == '.';
         });
}

}  // namespace

std::string HubAccounts::TokenOf(const grpc::ServerContextBase& call) const {
  if (hub_ == nullptr) return "";
  const auto& metadata = call.client_metadata();
  const auto found = metadata.find(kHubTokenKey);
  if (found == metadata.end()) return "";
  return std::string(found->second.data(), found->second.size());
}

Result<core::Actor> HubAccounts::Find(const std::string& token) {
  if (token.size() > kHubTokenBytesMax) {
    return Unauthenticated("the hub token is longer than a token can be");
  }
  const std::string digest = Sha256Hex(token);
  const MonoTime now = clock_.Mono();
  {
    MutexLock lock(mutex_);
    const auto found = known_.find(digest);
    if (found != known_.end() && now < found->second.until) {
      return core::Actor{found->second.account, "submitter"};
    }
  }
  const auto account = hub_->AccountOf(token);
  if (!account.ok()) {
    if (account.status().code() != Code::kUnauthenticated) return account.status();
    return Unauthenticated("the hub does not know this token; make a new one there");
  }
  if (!IsAccountName(*account)) return Unavailable("the hub answered with no account name");
  MutexLock lock(mutex_);
  if (known_.size() >= kHubAccountsMax) known_.clear();
  const std::string name = "hub:" + *account;
  known_[digest] = {name, now + kHubAccountMs};
  return core::Actor{name, "submitter"};
}

}  // namespace koeval::service
