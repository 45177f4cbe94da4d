// Replies of the HTTP port: kinds, status numbers, headers.
#pragma once

#include <string>
#include <string_view>

#include "common/base/json.h"
#include "common/base/status.h"
#include "scheduler/service/http_server.h"
#include "scheduler/web/language.h"

namespace koeval::service {

inline constexpr const char* kJsonType = "application/json; charset=utf-8";
inline constexpr std::string_view kLanguageCookie = "koeval_language";

// 400 for INVALID_ARGUMENT, 401 for UNAUTHENTICATED, ...; 500 for what is our fault.
int HttpStatus(const Status& status);

HttpReply HtmlReply(std::string page, int status = 200);
HttpReply JsonReply(const Json& json, int status = 200);
// {"schema":"koeval.error/1","error":{"code","message"}}
HttpReply ErrorReply(const Status& status);

// Headers that keep a page to its own styles, scripts and addresses.
void AddSecurityHeaders(HttpReply* reply);
// An ETag of the body, unless there is one.
void AddTag(HttpReply* reply);
// With an ETag; 304 without a body when the reader has it already. Replies that are no 200 or say
// how to be cached are only marked.
HttpReply WithTag(const HttpRequest& request, HttpReply reply);

// The value of a cookie; "" without it.
std::string CookieOf(const HttpRequest& request, std::string_view name);
// Set-Cookie that remembers `language` for a year.
std::string LanguageCookie(web::Language language);

}  // namespace koeval::service
