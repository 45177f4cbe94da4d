// The stream to the scheduler: connects, reconnects with back-off, reads and writes.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "common/base/status.h"
#include "worker/agent/messages.h"

namespace grpc {
class Channel;
class ClientContext;
}  // namespace grpc

namespace koeval::agent {

// Adds what a call needs to be let in (a token); called for every call.
using PrepareCall = std::function<void(grpc::ClientContext&)>;

// Owns one thread that keeps a stream open, and one per stream that writes. `post` receives LinkUp,
// FromScheduler and LinkDown events in order, from those threads; it must not block for long.
class Link {
 public:
  struct Options {
    std::shared_ptr<grpc::Channel> channel;
    PrepareCall prepare;
    std::function<void(AgentEvent)> post;
    uint64_t seed = 0;  // of the back-off's jitter
  };
  explicit Link(Options options);
  ~Link();  // closes the stream and joins

  // Queues `message` for the current stream; dropped when there is none (the state machine sends
  // again what matters). A full outbox ends the stream. Any thread.
  void Send(const ToScheduler& message);
  // Writes what is queued, half-closes, waits at most `wait_ms` for the scheduler's end of stream.
  void CloseGracefully(int64_t wait_ms);
  // Not OK once the scheduler refused this worker for good (protocol too old).
  Status refused() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

// The JSON text of the bundle `digest`, checked against it. NOT_FOUND, UNAVAILABLE, DATA_LOSS.
Result<std::string> FetchBundle(const std::shared_ptr<grpc::Channel>& channel,
                                const PrepareCall& prepare, const std::string& digest);

}  // namespace koeval::agent
