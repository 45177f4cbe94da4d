// One HTTP exchange over libcurl.
#pragma once

#include <memory>

#include "common/hub/http.h"

namespace koeval::hub {

std::unique_ptr<HttpExchange> MakeCurlExchange(const HttpOptions& options);

}  // namespace koeval::hub
