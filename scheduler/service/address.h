// Listening addresses: "host:port".
#pragma once

#include <string>

#include "common/base/status.h"

namespace koeval::service {

struct Address {
  std::string host;  // without brackets
  int port = 0;      // 0 = any free port
  // "127.0.0.1:7711", "[::1]:7711".
  std::string ToString() const;
};

// INVALID_ARGUMENT unless `text` is host:port, [ipv6]:port with a port from 0 to 65535.
Result<Address> ParseAddress(const std::string& text);

}  // namespace koeval::service
