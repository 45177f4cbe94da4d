// Listening addresses.
#include "scheduler/service/address.h"

#include <fmt/core.h>

#include <charconv>

namespace koeval::service {

std::string Address::ToString() const {
  const bool v6 = host.find(':') != std::string::npos;
  return v6 ? fmt::format("[{}]:{}", host, port) : fmt::format("{}:{}", host, port);
}

Result<Address> ParseAddress(const std::string& text) {
  const Status wrong = InvalidArgument(
      fmt::format("\"{}\" is not an address; write host:port, such as 127.0.0.1:7711", text));
  const size_t colon = text.rfind(':');
  if (colon == std::string::npos || colon == 0) return wrong;
  Address out;
  out.host = text.substr(0, colon);
  if (out.host.front() == '[') {
    if (out.host.size() < 3 || out.host.back() != ']') return wrong;
    out.host = out.host.substr(1, out.host.size() - 2);
  } else if (out.host.find(':') != std::string::npos) {
    return wrong;
  }
  const std::string_view digits = std::string_view(text).substr(colon + 1);
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), out.port);
  const bool whole = error == std::errc() && end == digits.data() + digits.size();
  if (!whole || out.port < 0 || out.port > 65'535) return wrong;
  return out;
}

}  // namespace koeval::service
