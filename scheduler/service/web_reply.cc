// Replies of the HTTP port.
#include "scheduler/service/web_reply.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "common/base/sha256.h"

namespace koeval::service {
namespace {

constexpr size_t kTagChars = 32;

constexpr std::string_view kTag = "ETag";

// "" without it.
std::string HeaderOf(const HttpReply& reply, std::string_view name) {
  for (const auto& [known, value] : reply.headers) {
    if (known == name) return value;
  }
  return "";
}

}  // namespace

int HttpStatus(const Status& status) {
  switch (status.code()) {
    case Code::kOk:
      return 200;
    case Code::kInvalidArgument:
    case Code::kOutOfRange:
      return 400;
    case Code::kUnauthenticated:
      return 401;
    case Code::kPermissionDenied:
      return 403;
    case Code::kNotFound:
      return 404;
    case Code::kAlreadyExists:
    case Code::kFailedPrecondition:
    case Code::kAborted:
      return 409;
    case Code::kResourceExhausted:
      return 429;
    case Code::kUnimplemented:
      return 501;
    case Code::kUnavailable:
    case Code::kCancelled:
      return 503;
    case Code::kDeadlineExceeded:
      return 504;
    default:
      return 500;
  }
}

HttpReply HtmlReply(std::string page, int status) {
  return {status, "text/html; charset=utf-8", std::move(page)};
}

HttpReply JsonReply(const Json& json, int status) {
  return {status, kJsonType, json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n"};
}

HttpReply ErrorReply(const Status& status) {
  const Json error = {{"code", std::string(CodeName(status.code()))},
                      {"message", status.message()}};
  HttpReply reply = JsonReply({{"schema", "koeval.error/1"}, {"error", error}}, HttpStatus(status));
  if (reply.status == 401)
    reply.headers.emplace_back("WWW-Authenticate", "Bearer realm=\"koeval\"");
  if (reply.status == 429 || reply.status == 503) reply.headers.emplace_back("Retry-After", "5");
  return reply;
}

void AddSecurityHeaders(HttpReply* reply) {
  for (const auto& [name, value] : std::initializer_list<std::pair<const char*, const char*>>{
           {"Content-Security-Policy",
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
            "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"},
           {"X-Frame-Options", "DENY"},
           {"Referrer-Policy", "same-origin"},
           {"Cross-Origin-Opener-Policy", "same-origin"},
           {"Cross-Origin-Resource-Policy", "same-origin"},
           {"Permissions-Policy", "camera=(), geolocation=(), microphone=()"}}) {
    reply->headers.emplace_back(name, value);
  }
}

void AddTag(HttpReply* reply) {
  if (!HeaderOf(*reply, kTag).empty()) return;
  reply->headers.emplace_back(kTag, "W/\"" + Sha256Hex(reply->body).substr(0, kTagChars) + "\"");
}

HttpReply WithTag(const HttpRequest& request, HttpReply reply) {
  if (!HeaderOf(reply, "Cache-Control").empty()) return reply;
  if (reply.status != 200 || reply.stream || request.method != "GET") {
    reply.headers.emplace_back("Cache-Control", "no-store");
    return reply;
  }
  AddTag(&reply);
  const std::string tag = HeaderOf(reply, kTag);
  reply.headers.emplace_back("Cache-Control", "private, no-cache");
  reply.headers.emplace_back("Vary", "Accept-Language, Authorization, Cookie");
  if (request.Header("if-none-match").find(tag) != std::string::npos) {
    reply.status = 304;
    reply.body.clear();
    reply.gzip = nullptr;
  }
  return reply;
}

std::string CookieOf(const HttpRequest& request, std::string_view name) {
  const std::string header = request.Header("cookie");
  std::string_view rest = header;
  while (!rest.empty()) {
    std::string_view item = rest.substr(0, rest.find(';'));
    rest.remove_prefix(std::min(item.size() + 1, rest.size()));
    while (item.starts_with(' ')) item.remove_prefix(1);
    if (item.starts_with(name) && item.substr(name.size()).starts_with('=')) {
      return std::string(item.substr(name.size() + 1));
    }
  }
  return "";
}

std::string LanguageCookie(web::Language language) {
  return fmt::format("{}={}; Path=/; Max-Age=31536000; SameSite=Lax; HttpOnly", kLanguageCookie,
                     web::LanguageCode(language));
}

}  // namespace koeval::service
