// Strong identifiers: a request id is not a worker id, although both are text.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>

namespace koeval {

template <typename Tag>
struct TextId {
  std::string text;
  auto operator<=>(const TextId&) const = default;
};

template <typename Tag>
struct NumberId {
  int64_t value = 0;
  auto operator<=>(const NumberId&) const = default;
};

using RequestId = TextId<struct RequestTag>;    // chosen by the client, 1..64 of [A-Za-z0-9._-]
using WorkerId = TextId<struct WorkerTag>;      // the node's name, unique in a cluster
using LeaseId = NumberId<struct LeaseTag>;      // the fence: never reused, grows for ever
using SessionId = NumberId<struct SessionTag>;  // one connection of a worker, grows for ever

}  // namespace koeval

template <typename Tag>
struct std::hash<koeval::TextId<Tag>> {
  size_t operator()(const koeval::TextId<Tag>& id) const noexcept {
    return std::hash<std::string>()(id.text);
  }
};
template <typename Tag>
struct std::hash<koeval::NumberId<Tag>> {
  size_t operator()(const koeval::NumberId<Tag>& id) const noexcept {
    return std::hash<int64_t>()(id.value);
  }
};
