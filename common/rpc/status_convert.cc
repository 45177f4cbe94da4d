// Conversion by value.
#include "common/rpc/status_convert.h"

#include <string>

namespace koeval::rpc {
namespace {

constexpr size_t kMessageBytesMax = 4000;

// At most kMessageBytesMax bytes, without half a character at the end.
std::string Bounded(const std::string& message) {
  if (message.size() <= kMessageBytesMax) return message;
  size_t end = kMessageBytesMax;
  while (end > 0 && (static_cast<unsigned char>(message[end]) & 0xc0) == 0x80) --end;
  return message.substr(0, end);
}

}  // namespace

grpc::Status ToGrpc(const Status& status) {
  if (status.ok()) return grpc::Status::OK;
  return grpc::Status(static_cast<grpc::StatusCode>(status.code()), Bounded(status.message()));
}

Status FromGrpc(const grpc::Status& status) {
  if (status.ok()) return OkStatus();
  const int code = status.error_code();
  const bool known = code > 0 && code <= static_cast<int>(Code::kUnauthenticated);
  return Status(known ? static_cast<Code>(code) : Code::kUnknown, status.error_message());
}

}  // namespace koeval::rpc
