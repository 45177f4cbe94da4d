// Who calls over HTTP, and from where.
#pragma once

#include <string_view>

#include "scheduler/service/http_server.h"
#include "scheduler/service/service_context.h"

namespace koeval::service {

inline constexpr std::string_view kAnonymous = "anonymous";

// From `Authorization: Bearer TOKEN`, or Basic with the token as the password (what a browser asks
// for); without the header a reader called kAnonymous where public_pages allows it, "local" where
// no authentication is configured. UNAUTHENTICATED or PERMISSION_DENIED, with the remedy.
Result<core::Actor> AdmitHttp(const ServiceContext& context, const HttpRequest& request,
                              rpc::Role needed);
// The same for a token that a form carries; browsers send those of headers by themselves, which
// other sites could use.
Result<core::Actor> AdmitToken(const ServiceContext& context, std::string_view token,
                               rpc::Role needed);

// PERMISSION_DENIED for a request that a page of another site made: by its Sec-Fetch-Site and
// Origin; and, where no authentication is configured, for a Host that is no loopback address and so
// may be another site's name.
Status CheckSameSite(const ServiceContext& context, const HttpRequest& request);

// Whether nobody between the sender and this scheduler can read along: sent over TLS to a proxy on
// this machine, which says so (X-Forwarded-Proto), or from this machine to a loopback address.
bool IsPrivate(const HttpRequest& request);

}  // namespace koeval::service
