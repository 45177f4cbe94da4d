// Tokens by digest, certificates by subject, roles by one table.
#include "common/rpc/auth.h"

#include <arpa/inet.h>
#include <fmt/core.h>
#include <grpc/grpc_security_constants.h>
#include <grpcpp/security/auth_context.h>
#include <grpcpp/server_context.h>
#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <array>
#include <sstream>

#include "common/base/private_file.h"
#include "common/base/sha256.h"

namespace koeval::rpc {
namespace {

constexpr size_t kTokenFileBytesMax = 1 << 20;
constexpr size_t kTokenLengthMin = 16;
constexpr std::string_view kBearer = "Bearer ";

struct NamedRole {
  std::string_view name;
  Role role;
};
constexpr std::array<NamedRole, 4> kRoles = {{{"reader", Role::kReader},
                                              {"submitter", Role::kSubmitter},
                                              {"operator", Role::kOperator},
                                              {"worker", Role::kWorker}}};

// Roles that include others by rank; worker stands apart.
int Rank(Role role) {
  return role == Role::kWorker ? -1 : static_cast<int>(role);
}

bool EqualInConstantTime(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

std::string SubjectField(X509* certificate, int nid) {
  std::array<char, 256> text{};
  const int length = X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), nid, text.data(),
                                               static_cast<int>(text.size()));
  return length <= 0 ? "" : std::string(text.data(), static_cast<size_t>(length));
}

// The identity in a verified client certificate (PEM), or nothing.
std::optional<Identity> FromCertificate(const grpc::ServerContextBase& context) {
  const auto auth = context.auth_context();
  if (auth == nullptr || !auth->IsPeerAuthenticated()) return std::nullopt;
  const auto pems = auth->FindPropertyValues(GRPC_X509_PEM_CERT_PROPERTY_NAME);
  if (pems.empty()) return std::nullopt;
  const std::string pem(pems.front().data(), pems.front().size());
  const std::unique_ptr<BIO, int (*)(BIO*)> bio(
      BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), BIO_free);
  const std::unique_ptr<X509, void (*)(X509*)> certificate(
      PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr), X509_free);
  if (certificate == nullptr) return std::nullopt;
  const auto role = ParseRole(SubjectField(certificate.get(), NID_organizationalUnitName));
  const std::string name = SubjectField(certificate.get(), NID_commonName);
  if (!role || name.empty()) return std::nullopt;
  return Identity{name, *role, false};
}

}  // namespace

std::string_view RoleName(Role role) {
  for (const NamedRole& known : kRoles) {
    if (known.role == role) return known.name;
  }
  return "unknown";
}

std::optional<Role> ParseRole(std::string_view name) {
  for (const NamedRole& known : kRoles) {
    if (known.name == name) return known.role;
  }
  return std::nullopt;
}

Status CheckRole(const Identity& identity, Role needed) {
  if (identity.is_local) return OkStatus();
  const bool allowed = needed == Role::kWorker ? identity.role == Role::kWorker
                                               : Rank(identity.role) >= Rank(needed);
  if (allowed) return OkStatus();
  return PermissionDenied(fmt::format("{} has the role {}, but this call needs {}", identity.name,
                                      RoleName(identity.role), RoleName(needed)));
}

Result<TokenTable> TokenTable::Load(const std::string& path) {
  ASSIGN_OR_RETURN(const std::string text, ReadPrivateFile(path, kTokenFileBytesMax));
  TokenTable table;
  std::istringstream lines(text);
  std::string line;
  for (int number = 1; std::getline(lines, line); ++number) {
    std::istringstream fields(line);
    std::string name, role_name, token, more;
    fields >> name >> role_name >> token >> more;
    if (name.empty() || name.starts_with('#')) continue;
    const auto fail = [&](const char* what) {
      return InvalidArgument(fmt::format("{}:{}: {}", path, number, what));
    };
    const auto role = ParseRole(role_name);
    if (!role) return fail("the role must be reader, submitter, operator or worker");
    if (!more.empty()) return fail("a line is: name role token");
    if (token.size() < kTokenLengthMin) return fail("a token needs at least 16 characters");
    Entry entry{Sha256Hex(token), {name, *role, false}};
    for (const Entry& other : table.entries_) {
      if (other.identity.name == name) return fail("this name is given twice");
      if (other.digest == entry.digest) return fail("this token is given twice");
    }
    table.entries_.push_back(std::move(entry));
  }
  return table;
}

std::optional<Identity> TokenTable::Find(std::string_view token) const {
  const std::string digest = Sha256Hex(token);
  std::optional<Identity> found;
  for (const Entry& entry : entries_) {
    if (EqualInConstantTime(entry.digest, digest)) found = entry.identity;
  }
  return found;
}

Result<std::unique_ptr<Authenticator>> Authenticator::Create(const AuthOptions& options) {
  std::unique_ptr<Authenticator> out(new Authenticator(options));
  RETURN_IF_ERROR(out->Reload());
  return out;
}

Status Authenticator::Reload() {
  if (options_.token_file.empty()) return OkStatus();
  ASSIGN_OR_RETURN(TokenTable fresh, TokenTable::Load(options_.token_file));
  if (fresh.size() == 0) {
    return FailedPrecondition(options_.token_file + " holds no token; nobody could call");
  }
  MutexLock lock(mutex_);
  tokens_ = std::move(fresh);
  return OkStatus();
}

Result<Identity> Authenticator::Authenticate(const grpc::ServerContextBase& context) const {
  if (!enabled()) return Identity{"local", Role::kOperator, true};
  const auto& metadata = context.client_metadata();
  const auto header = metadata.find("authorization");
  if (header != metadata.end()) {
    const std::string_view value(header->second.data(), header->second.size());
    return AuthenticateToken(value.starts_with(kBearer) ? value.substr(kBearer.size()) : "");
  }
  if (options_.client_certificates) {
    if (auto identity = FromCertificate(context)) return *std::move(identity);
  }
  return Unauthenticated("no token was given; name the file that holds yours with --token-file");
}

Result<Identity> Authenticator::AuthenticateToken(std::string_view token) const {
  if (!enabled()) return Identity{"local", Role::kOperator, true};
  MutexLock lock(mutex_);
  if (auto identity = tokens_.Find(token)) return *std::move(identity);
  return Unauthenticated("the token is unknown; ask the operator for a new one");
}

bool IsLoopback(std::string_view address) {
  if (address.starts_with("unix:")) return true;
  const size_t colon = address.rfind(':');
  std::string host(address.substr(0, colon));
  if (host.size() > 1 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  }
  if (host == "localhost" || host == "::1") return true;
  in_addr v4{};
  return ::inet_pton(AF_INET, host.c_str(), &v4) == 1 && (ntohl(v4.s_addr) >> 24) == 127;
}

Status CheckListenAddress(std::string_view address, bool tls, bool authentication,
                          std::string_view insecure_listen) {
  if (IsLoopback(address) || (tls && authentication)) return OkStatus();
  if (insecure_listen == kOpenToAnyone) return OkStatus();
  return FailedPrecondition(fmt::format(
      "{} is reachable from other machines, which needs TLS and authentication (keys tls and "
      "token_file, or client certificates); listen on 127.0.0.1, or, if everyone who reaches this "
      "machine may do everything, set insecure_listen: {}",
      address, kOpenToAnyone));
}

}  // namespace koeval::rpc
