// Files into gRPC credentials.
#include "common/rpc/credentials.h"

#include <fmt/core.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <sys/stat.h>

#include <sstream>
#include <vector>

#include "common/base/file.h"
#include "common/rpc/auth.h"

namespace koeval::rpc {
namespace {

constexpr size_t kPemBytesMax = 1 << 20;
constexpr size_t kTokenBytesMax = 4096;

Status CheckPrivate(const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) return NotFound("cannot open " + path);
  if ((info.st_mode & (S_IRWXG | S_IRWXO)) == 0) return OkStatus();
  return FailedPrecondition(
      fmt::format("{} can be read by group or others; run chmod 600 {}", path, path));
}

Result<std::string> ReadPem(const std::string& path) {
  ASSIGN_OR_RETURN(std::string text, ReadFile(path, kPemBytesMax));
  if (text.find("-----BEGIN ") == std::string::npos) {
    return InvalidArgument(path + " holds no PEM block");
  }
  return text;
}

Result<std::string> ReadToken(const std::string& path) {
  RETURN_IF_ERROR(CheckPrivate(path));
  ASSIGN_OR_RETURN(const std::string text, ReadFile(path, kTokenBytesMax));
  std::istringstream words(text.substr(0, text.find('\n')));
  std::vector<std::string> found;
  for (std::string word; words >> word;) found.push_back(word);
  if (found.size() == 1) return found[0];
  if (found.size() == 3 && ParseRole(found[1])) return found[2];
  return InvalidArgument(path + ": the first line must hold the token, or: name role token");
}

}  // namespace

std::shared_ptr<grpc::Channel> ClientCredentials::Dial(const std::string& address,
                                                       grpc::ChannelArguments arguments) const {
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveMs);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kKeepaliveTimeoutMs);
  // A daemon that restarts is back within seconds: do not back off for minutes.
  constexpr int kReconnectMsMax = 2'000;
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, kReconnectMsMax);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 100);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  if (!tls_) {
    return grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments);
  }
  if (!server_name_.empty()) arguments.SetSslTargetNameOverride(server_name_);
  grpc::SslCredentialsOptions ssl;
  ssl.pem_root_certs = ca_;
  ssl.pem_cert_chain = cert_;
  ssl.pem_private_key = key_;
  return grpc::CreateCustomChannel(address, grpc::SslCredentials(ssl), arguments);
}

void ClientCredentials::Prepare(grpc::ClientContext& context) const {
  if (!token_.empty()) context.AddMetadata("authorization", "Bearer " + token_);
}

Result<ClientCredentials> LoadClientCredentials(const ClientCredentialFiles& files) {
  ClientCredentials out;
  if (files.cert_file.empty() != files.key_file.empty()) {
    return InvalidArgument("TLS needs both a certificate and its key, or neither");
  }
  if (!files.cert_file.empty() && files.ca_file.empty()) {
    return InvalidArgument("a client certificate needs the authority of the scheduler too (ca)");
  }
  if (!files.ca_file.empty()) {
    out.tls_ = true;
    ASSIGN_OR_RETURN(out.ca_, ReadPem(files.ca_file));
  }
  if (!files.cert_file.empty()) {
    RETURN_IF_ERROR(CheckPrivate(files.key_file));
    ASSIGN_OR_RETURN(out.cert_, ReadPem(files.cert_file));
    ASSIGN_OR_RETURN(out.key_, ReadPem(files.key_file));
  }
  out.server_name_ = files.server_name;
  if (!files.token_file.empty()) {
    ASSIGN_OR_RETURN(out.token_, ReadToken(files.token_file));
  }
  return out;
}

Result<std::shared_ptr<grpc::ServerCredentials>> LoadServerCredentials(
    const ServerCredentialFiles& files) {
  if (files.cert_file.empty() && files.key_file.empty()) {
    if (!files.client_ca_file.empty()) {
      return InvalidArgument("client certificates need a certificate and key of the server too");
    }
    return grpc::InsecureServerCredentials();
  }
  if (files.cert_file.empty() || files.key_file.empty()) {
    return InvalidArgument("TLS needs both a certificate and its key");
  }
  RETURN_IF_ERROR(CheckPrivate(files.key_file));
  grpc::SslServerCredentialsOptions options(
      files.client_ca_file.empty() ? GRPC_SSL_DONT_REQUEST_CLIENT_CERTIFICATE
                                   : GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
  grpc::SslServerCredentialsOptions::PemKeyCertPair pair;
  ASSIGN_OR_RETURN(pair.private_key, ReadPem(files.key_file));
  ASSIGN_OR_RETURN(pair.cert_chain, ReadPem(files.cert_file));
  options.pem_key_cert_pairs.push_back(std::move(pair));
  if (!files.client_ca_file.empty()) {
    ASSIGN_OR_RETURN(options.pem_root_certs, ReadPem(files.client_ca_file));
  }
  return grpc::SslServerCredentials(options);
}

}  // namespace koeval::rpc
