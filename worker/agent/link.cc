// The stream's threads: one keeps it open and reads, one per stream writes.
#include "worker/agent/link.h"

#include <fmt/core.h>
#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <random>
#include <thread>

#include "common/base/bounded_queue.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/mutex.h"
#include "common/base/sha256.h"
#include "koeval/worker/v1/link.grpc.pb.h"
#include "worker/agent/limits.h"
#include "worker/agent/link_convert.h"

namespace koeval::agent {
namespace {

namespace pb = koeval::worker::v1;
using Outbox = BoundedQueue<ToScheduler>;

gpr_timespec DeadlineIn(int64_t ms) {
  return gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC), gpr_time_from_millis(ms, GPR_TIMESPAN));
}

}  // namespace

class Link::Impl {
 public:
  explicit Impl(Options options)
      : options_(std::move(options)),
        stub_(pb::WorkerLinkService::NewStub(options_.channel)),
        jitter_(options_.seed) {
    thread_ = std::thread([this] { KeepOpen(); });
  }

  ~Impl() {
    {
      MutexLock lock(mutex_);
      closing_ = true;
      if (context_ != nullptr) context_->TryCancel();
      changed_.NotifyAll();
    }
    thread_.join();
  }

  void Send(const ToScheduler& message) {
    std::shared_ptr<Outbox> outbox;
    {
      MutexLock lock(mutex_);
      outbox = outbox_;
    }
    if (outbox == nullptr || outbox->TryPush(message) || outbox->closed()) return;
    spdlog::warn("the outbox to the scheduler is full ({} messages); reconnecting", kOutboxMax);
    MutexLock lock(mutex_);
    if (context_ != nullptr) context_->TryCancel();
  }

  void CloseGracefully(int64_t wait_ms) {
    MutexLock lock(mutex_);
    closing_ = true;
    if (outbox_ != nullptr) outbox_->Close();
    changed_.NotifyAll();
    if (!ended_) changed_.WaitFor(mutex_, wait_ms);
    if (context_ != nullptr) context_->TryCancel();
  }

  Status refused() const {
    MutexLock lock(mutex_);
    return refused_;
  }

 private:
  bool closing() {
    MutexLock lock(mutex_);
    return closing_;
  }

  void KeepOpen() {
    int64_t backoff_ms = kBackoffFirstMs;
    while (!closing()) {
      const bool heard = RunOneStream();
      if (!refused().ok()) break;
      backoff_ms = heard ? kBackoffFirstMs : std::min(backoff_ms * 2, kBackoffMostMs);
      const double factor = std::uniform_real_distribution<double>(0.8, 1.2)(jitter_);
      MutexLock lock(mutex_);
      if (!closing_) {
        changed_.WaitFor(mutex_, static_cast<int64_t>(static_cast<double>(backoff_ms) * factor));
      }
    }
    MutexLock lock(mutex_);
    ended_ = true;
    changed_.NotifyAll();
  }

  // True when the scheduler said anything over this stream.
  bool RunOneStream() {
    if (!options_.channel->WaitForConnected(DeadlineIn(kConnectTimeoutMs))) {
      options_.post(LinkDown{"no connection to the scheduler"});
      return false;
    }
    const auto context = std::make_shared<grpc::ClientContext>();
    options_.prepare(*context);
    const auto outbox = std::make_shared<Outbox>(kOutboxMax);
    {
      MutexLock lock(mutex_);
      if (closing_) return false;
      context_ = context;
      outbox_ = outbox;
    }
    const auto stream = stub_->Connect(context.get());
    options_.post(LinkUp{});
    std::thread writer([&stream, &outbox] {
      while (const auto message = outbox->Pop()) {
        if (!stream->Write(ToProto(*message))) return;
      }
      stream->WritesDone();
    });
    bool heard = false;
    pb::SchedulerMessage message;
    while (stream->Read(&message)) {
      heard = true;
      if (const auto plain = FromProto(message)) options_.post(*plain);
    }
    outbox->Close();
    writer.join();
    EndStream(stream->Finish());
    return heard;
  }

  void EndStream(const grpc::Status& status) {
    {
      MutexLock lock(mutex_);
      context_.reset();
      outbox_.reset();
      if (status.error_code() == grpc::StatusCode::FAILED_PRECONDITION) {
        refused_ = FailedPrecondition(status.error_message());
      }
    }
    options_.post(LinkDown{status.ok() ? "the scheduler ended the stream"
                                       : fmt::format("{} (code {})", status.error_message(),
                                                     static_cast<int>(status.error_code()))});
  }

  const Options options_;
  const std::unique_ptr<pb::WorkerLinkService::Stub> stub_;
  std::mt19937_64 jitter_;  // the keeping thread only
  mutable Mutex mutex_;
  CondVar changed_;
  std::shared_ptr<grpc::ClientContext> context_ GUARDED_BY(mutex_);
  std::shared_ptr<Outbox> outbox_ GUARDED_BY(mutex_);
  bool closing_ GUARDED_BY(mutex_) = false;
  bool ended_ GUARDED_BY(mutex_) = false;
  Status refused_ GUARDED_BY(mutex_);
  std::thread thread_;
};

Link::Link(Options options) : impl_(std::make_unique<Impl>(std::move(options))) {}
Link::~Link() = default;
void Link::Send(const ToScheduler& message) {
  impl_->Send(message);
}
void Link::CloseGracefully(int64_t wait_ms) {
  impl_->CloseGracefully(wait_ms);
}
Status Link::refused() const {
  return impl_->refused();
}

Result<std::string> FetchBundle(const std::shared_ptr<grpc::Channel>& channel,
                                const PrepareCall& prepare, const std::string& digest) {
  constexpr int64_t kFetchTimeoutMs = 600'000;
  const auto stub = pb::WorkerLinkService::NewStub(channel);
  grpc::ClientContext context;
  prepare(context);
  context.set_deadline(std::chrono::system_clock::time_point(
      std::chrono::microseconds(Clock::Real().Wall().micros + kFetchTimeoutMs * 1000)));
  pb::FetchBundleRequest request;
  request.set_digest(digest);
  const auto stream = stub->FetchBundle(&context, request);
  std::string text;
  pb::FetchBundleResponse response;
  while (stream->Read(&response)) {
    if (text.size() + response.piece().size() > kBundleBytesMax) {
      context.TryCancel();
      return ResourceExhausted(
          fmt::format("task bundle {} is over {} bytes", digest, kBundleBytesMax));
    }
    text += response.piece();
  }
  const grpc::Status status = stream->Finish();
  if (!status.ok()) {
    return Status(static_cast<Code>(status.error_code()),
                  "cannot fetch task bundle " + digest + ": " + status.error_message());
  }
  if (Sha256Hex(text) != digest) {
    return DataLoss("task bundle " + digest + " arrived damaged: its SHA-256 differs");
  }
  return text;
}

}  // namespace koeval::agent
