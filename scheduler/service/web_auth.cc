// Who calls over HTTP, and from where.
#include "scheduler/service/web_auth.h"

#include <optional>
#include <string>

#include "common/base/base64.h"

namespace koeval::service {
namespace {

constexpr std::string_view kBearer = "Bearer ";
constexpr std::string_view kBasic = "Basic ";

// The token of an Authorization header; "" for one that has none.
std::string TokenOf(std::string_view header) {
  if (header.starts_with(kBearer)) return std::string(header.substr(kBearer.size()));
  if (!header.starts_with(kBasic)) return "";
  const auto pair = DecodeBase64(header.substr(kBasic.size()));
  if (!pair || pair->find(':') == std::string::npos) return "";
  return pair->substr(pair->find(':') + 1);
}

// "host:port" of an origin, "" for "null".
std::string_view HostOfOrigin(std::string_view origin) {
  const size_t scheme = origin.find("://");
  return scheme == std::string_view::npos ? "" : origin.substr(scheme + 3);
}

// Of a host with or without a port.
bool IsLoopbackHost(const std::string& host) {
  if (host == "::1" || host == "::ffff:127.0.0.1") return true;
  return rpc::IsLoopback(host.find(':') == std::string::npos ? host + ":80" : host);
}

}  // namespace

Result<core::Actor> AdmitToken(const ServiceContext& context, std::string_view token,
                               rpc::Role needed) {
  ASSIGN_OR_RETURN(const rpc::Identity identity, context.authenticator.AuthenticateToken(token));
  RETURN_IF_ERROR(rpc::CheckRole(identity, needed));
  const rpc::Role role = identity.is_local ? rpc::Role::kOperator : identity.role;
  return core::Actor{identity.name, std::string(rpc::RoleName(role))};
}

Result<core::Actor> AdmitHttp(const ServiceContext& context, const HttpRequest& request,
                              rpc::Role needed) {
  const std::string header = request.Header("authorization");
  if (header.empty() && context.authenticator.enabled()) {
    if (needed == rpc::Role::kReader && context.config.web.public_pages) {
      return core::Actor{std::string(kAnonymous), std::string(rpc::RoleName(needed))};
    }
    return Unauthenticated("no token was given; send it as \"Authorization: Bearer TOKEN\"");
  }
  return AdmitToken(context, TokenOf(header), needed);
}

bool IsPrivate(const HttpRequest& request) {
  if (!IsLoopbackHost(request.peer)) return false;
  const std::string proto = request.Header("x-forwarded-proto");
  if (!proto.empty()) return proto == "https";
  for (const char* name : {"forwarded", "x-forwarded-for", "x-forwarded-host", "via"}) {
    if (!request.Header(name).empty()) return false;
  }
  return IsLoopbackHost(request.Header("host"));
}

Status CheckSameSite(const ServiceContext& context, const HttpRequest& request) {
  const std::string host = request.Header("host");
  const std::string site = request.Header("sec-fetch-site");
  const std::string origin = request.Header("origin");
  const bool other_site = !site.empty() && site != "same-origin" && site != "none";
  if (other_site || (!origin.empty() && HostOfOrigin(origin) != host)) {
    return PermissionDenied("this form was sent by a page of another site; open the page here");
  }
  if (!context.authenticator.enabled() && context.config.insecure_listen.empty() &&
      !IsLoopbackHost(host)) {
    return PermissionDenied(
        "without tokens this scheduler takes changes at a loopback address only, and \"" + host +
        "\" is none; open the page at 127.0.0.1, or set tokens_file");
  }
  return OkStatus();
}

}  // namespace koeval::service
