// What redirects need to know about URLs.
#pragma once

#include <string>

#include "common/base/status.h"

namespace koeval::hub {

// Where `location` leads from `url`. INVALID_ARGUMENT when it is no URL, has a user, or is neither
// http nor https, or leads from https to http.
Result<std::string> RedirectTarget(const std::string& url, const std::string& location);
// Scheme, host and port are the same.
bool SameOrigin(const std::string& a, const std::string& b);
// INVALID_ARGUMENT unless `url` is an absolute http or https URL without user.
Status CheckHttpUrl(const std::string& url);
// The host is this machine: 127.0.0.0/8, ::1 or localhost.
bool IsLoopback(const std::string& url);

}  // namespace koeval::hub
