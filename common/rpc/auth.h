// Who calls and what they may do: token files, certificate names, roles, and where one may listen.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/mutex.h"
#include "common/base/status.h"

namespace grpc {
class ServerContextBase;
}  // namespace grpc

namespace koeval::rpc {

// A reader may look, a submitter may also submit, an operator may also do everything else that
// clients do. A worker may use the worker link alone.
enum class Role { kReader, kSubmitter, kOperator, kWorker };
std::string_view RoleName(Role role);  // "reader", ...
std::optional<Role> ParseRole(std::string_view name);

struct Identity {
  std::string name;  // of the token or certificate; "local" without authentication
  Role role = Role::kReader;
  bool is_local = false;  // no authentication is configured: every role at once
};

// Whether `identity` may make a call that needs `needed`. PERMISSION_DENIED names both roles.
Status CheckRole(const Identity& identity, Role needed);

// The tokens of a file, one per line: `name role token`; blank lines and lines that start with '#'
// are skipped. Only digests are kept in memory.
class TokenTable {
 public:
  // FAILED_PRECONDITION when group or others may read the file; INVALID_ARGUMENT names the line for
  // a bad role, a token shorter than 16 characters, a name or token given twice. Errors never
  // contain a token.
  static Result<TokenTable> Load(const std::string& path);
  // The owner of `token`, compared in constant time; nothing for an unknown one.
  std::optional<Identity> Find(std::string_view token) const;
  size_t size() const { return entries_.size(); }

 private:
  struct Entry {
    std::string digest;
    Identity identity;
  };
  std::vector<Entry> entries_;
};

struct AuthOptions {
  std::string token_file;            // "" = no tokens
  bool client_certificates = false;  // mutual TLS: a verified certificate names its owner
};

// Finds out who makes a call. Thread-safe.
class Authenticator {
 public:
  static Result<std::unique_ptr<Authenticator>> Create(const AuthOptions& options);

  // From `authorization: Bearer TOKEN`, else from the verified client certificate (common name =
  // name, organizational unit = role), else, where neither is configured, "local".
  // UNAUTHENTICATED with the remedy otherwise.
  Result<Identity> Authenticate(const grpc::ServerContextBase& context) const EXCLUDES(mutex_);

  // The same for a call that carries `token` and no certificate, as over HTTP.
  Result<Identity> AuthenticateToken(std::string_view token) const EXCLUDES(mutex_);

  // Reads the token file again; the old tokens stay when it is not valid.
  Status Reload() EXCLUDES(mutex_);
  bool enabled() const { return !options_.token_file.empty() || options_.client_certificates; }

 private:
  explicit Authenticator(AuthOptions options) : options_(std::move(options)) {}

  const AuthOptions options_;
  mutable Mutex mutex_;
  TokenTable tokens_ GUARDED_BY(mutex_);
};

// host:port with a loopback host (127.0.0.0/8, [::1], localhost) or a unix: address.
bool IsLoopback(std::string_view address);

// The words that a configuration must hold to listen for everyone without TLS or authentication.
inline constexpr std::string_view kOpenToAnyone = "anyone-can-read-and-change-everything";

// FAILED_PRECONDITION, with the remedy, for a non-loopback `address` without both TLS and
// authentication, unless `insecure_listen` holds kOpenToAnyone.
Status CheckListenAddress(std::string_view address, bool tls, bool authentication,
                          std::string_view insecure_listen);

}  // namespace koeval::rpc
