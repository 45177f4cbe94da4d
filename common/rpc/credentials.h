// TLS and tokens of both ends of a connection.
#pragma once

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/support/channel_arguments.h>

#include <memory>
#include <string>

#include "common/base/status.h"

namespace koeval::rpc {

struct ClientCredentialFiles {
  std::string ca_file;  // "" and no certificate: no TLS
  std::string cert_file, key_file;
  std::string server_name;  // expected name when it is not the address's host
  std::string token_file;   // holds the token alone, readable by its owner alone
};

// What a client needs to be let in. Copyable; never prints its token.
class ClientCredentials {
 public:
  ClientCredentials() = default;  // no TLS, no token

  // A channel to `address` (host:port or unix:path); connects lazily. Keepalive finds dead peers.
  // FAILED_PRECONDITION where the token would travel over a network without TLS.
  Result<std::shared_ptr<grpc::Channel>> Dial(const std::string& address,
                                              grpc::ChannelArguments arguments) const;
  // Adds the token to a call. Thread-safe.
  void Prepare(grpc::ClientContext& context) const;
  bool has_token() const { return !token_.empty(); }
  bool tls() const { return tls_; }

 private:
  friend Result<ClientCredentials> LoadClientCredentials(const ClientCredentialFiles& files);
  bool tls_ = false;
  std::string ca_, cert_, key_, server_name_, token_;
};

// NOT_FOUND or INVALID_ARGUMENT names the file, FAILED_PRECONDITION one that others can read. A
// token file with several lines holds its token on the first one; the form `name role token` is
// accepted too.
Result<ClientCredentials> LoadClientCredentials(const ClientCredentialFiles& files);

struct ServerCredentialFiles {
  std::string cert_file, key_file;  // both "": no TLS
  std::string client_ca_file;       // set: clients must show a certificate of this authority
};

// Insecure credentials when no certificate is given. FAILED_PRECONDITION when group or others may
// read the private key; INVALID_ARGUMENT names the file that cannot be used.
Result<std::shared_ptr<grpc::ServerCredentials>> LoadServerCredentials(
    const ServerCredentialFiles& files);

// How often a client pings an idle connection; a server must allow it.
inline constexpr int kKeepaliveMs = 20'000;
inline constexpr int kKeepaliveTimeoutMs = 10'000;

}  // namespace koeval::rpc
