// Status <-> grpc::Status. The codes are the same numbers.
#pragma once

#include <grpcpp/support/status.h>

#include "common/base/status.h"

namespace koeval::rpc {

// Messages are cut at 4,000 bytes: they travel in HTTP/2 trailers, whose size is bounded.
grpc::Status ToGrpc(const Status& status);
Status FromGrpc(const grpc::Status& status);

}  // namespace koeval::rpc
