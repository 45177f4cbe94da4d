// The change feed as server-sent events.
#include "scheduler/service/web_stream.h"

#include <fmt/core.h>

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "common/base/json.h"
#include "scheduler/service/in_pool.h"
#include "scheduler/service/queue_convert.h"
#include "scheduler/service/web_auth.h"

namespace koeval::service {

void CommitBell::Ring() {
  MutexLock lock(mutex_);
  changed_.NotifyAll();
}

void CommitBell::Close() {
  MutexLock lock(mutex_);
  closed_ = true;
  changed_.NotifyAll();
}

bool CommitBell::WaitBeyond(const Dispatcher& dispatcher, int64_t seq, int64_t ms) {
  const MonoTime until = Clock::Real().Mono() + ms;
  MutexLock lock(mutex_);
  while (!closed_ && dispatcher.committed_seq() <= seq) {
    const int64_t left = until - Clock::Real().Mono();
    if (left <= 0) break;
    changed_.WaitFor(mutex_, left);
  }
  return !closed_;
}

bool CommitBell::Pause(int64_t ms) {
  const MonoTime until = Clock::Real().Mono() + ms;
  MutexLock lock(mutex_);
  while (!closed_) {
    const int64_t left = until - Clock::Real().Mono();
    if (left <= 0) break;
    changed_.WaitFor(mutex_, left);
  }
  return !closed_;
}

// One stream: reads what is new, writes it, waits.
class WebStreams::Source {
 public:
  Source(WebStreams& streams, core::Actor actor, int64_t after, RequestId id)
      : streams_(streams),
        actor_(std::move(actor)),
        after_(after),
        id_(std::move(id)),
        end_(Clock::Real().Mono() + kHttpStreamLifeMs) {}
  ~Source() {
    --streams_.open_;
    streams_.context_.watchers.Release();
  }
  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;

  bool operator()(const HttpReply::Write& write) {
    if (!greeted_) {
      greeted_ = true;
      return write("retry: 3000\n: follows the queue\n\n");
    }
    const Dispatcher& dispatcher = streams_.context_.dispatcher;
    if (!streams_.bell_.WaitBeyond(dispatcher, after_, kHttpStreamPingMs)) return false;
    const int64_t committed = dispatcher.committed_seq();
    if (committed <= after_) return end_ > Clock::Real().Mono() && write(": still here\n\n");
    auto events = Read();
    if (!events.ok()) return false;
    std::string text;
    for (const core::EventRow& event : *events) text += EventText(event);
    if (!events->empty()) after_ = events->back().seq;
    const bool more = static_cast<int64_t>(events->size()) == kWatchBatch;
    if (!more) after_ = std::max(after_, committed);
    if (!text.empty() && !write(text)) return false;
    return streams_.bell_.Pause(kHttpStreamPauseMs) && end_ > Clock::Real().Mono();
  }

 private:
  std::string EventText(const core::EventRow& event) const {
    v1::WatchResponse change = ToProto(event);
    streams_.context_.redaction.Hide(actor_, &change);
    if (actor_.who == kAnonymous) change.clear_text();
    const Json json = {{"seq", event.seq},
                       {"at", FormatUtcMicros(event.at)},
                       {"request", event.request.text},
                       {"kind", event.kind},
                       {"text", change.text()}};
    return fmt::format("id: {}\nevent: change\ndata: {}\n\n", event.seq, CompactJson(json));
  }

  Result<std::vector<core::EventRow>> Read() {
    Result<std::vector<core::EventRow>> events = Internal("not read");
    RETURN_IF_ERROR(RunInPool(streams_.context_.streams, [this, &events] {
      auto reader = streams_.context_.readers.Borrow();
      events = reader.ok() ? (*reader)->Events(after_, id_, kWatchBatch) : reader.status();
    }));
    return events;
  }

  WebStreams& streams_;
  const core::Actor actor_;
  int64_t after_;
  const RequestId id_;
  const MonoTime end_;
  bool greeted_ = false;
};

Result<HttpReply> WebStreams::Open(const core::Actor& actor, int64_t after, const RequestId& id) {
  const int64_t committed = context_.dispatcher.committed_seq();
  if (after < 0 || after > committed) {
    return OutOfRange(fmt::format(
        "after: {} is not from 0 to {}; read the queue again and start from its last_seq", after,
        committed));
  }
  if (++open_ > kHttpStreamsMax || !context_.watchers.Reserve()) {
    --open_;
    return ResourceExhausted(fmt::format(
        "there are {} streams already, or the scheduler stops; try again later", kHttpStreamsMax));
  }
  HttpReply reply{200, "text/event-stream", ""};
  // shared_ptr: a std::function is copied.
  const auto source = std::make_shared<Source>(*this, actor, after, id);
  reply.stream = [source](const HttpReply::Write& write) { return (*source)(write); };
  return reply;
}

}  // namespace koeval::service
