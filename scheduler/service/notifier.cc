// The notifier's thread.
#include "scheduler/service/notifier.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <optional>
#include <utility>

#include "common/base/file.h"
#include "common/base/log.h"
#include "scheduler/core/event_kinds.h"
#include "scheduler/service/limits.h"

namespace koeval::service {
namespace {

constexpr size_t kCursorBytesMax = 64;
constexpr uint32_t kPrivateFile = 0600;

Status WriteCursor(const std::string& path, int64_t cursor) {
  return WriteFileAtomically(path, std::to_string(cursor) + "\n", kPrivateFile);
}

// What the file says; nothing when there is none.
Result<std::optional<int64_t>> ReadCursor(const std::string& path) {
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored)) return std::optional<int64_t>();
  ASSIGN_OR_RETURN(const std::string text, ReadFile(path, kCursorBytesMax));
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || *end != '\n' || value < 0) {
    return DataLoss(path + " holds no number; remove it to begin with what ends from now on");
  }
  return std::optional<int64_t>(value);
}

bool IsEnd(const core::EventRow& event) {
  return event.kind == core::kind::kFinished || event.kind == core::kind::kFailed ||
         event.kind == core::kind::kCancelled;
}

}  // namespace

Result<std::unique_ptr<Notifier>> Notifier::Start(std::unique_ptr<NotificationSender> sender,
                                                  Options options, ReaderPool& readers,
                                                  Metrics& metrics, const Clock& clock,
                                                  int64_t newest) {
  ASSIGN_OR_RETURN(const auto stored, ReadCursor(options.cursor_file));
  const int64_t cursor = std::min(stored.value_or(newest), newest);
  if (cursor != stored) RETURN_IF_ERROR(WriteCursor(options.cursor_file, cursor));
  std::unique_ptr<Notifier> out(
      new Notifier(std::move(sender), std::move(options), readers, metrics, clock, cursor));
  out->thread_ = std::thread([notifier = out.get()] { notifier->Loop(); });
  return out;
}

Notifier::Notifier(std::unique_ptr<NotificationSender> sender, Options options, ReaderPool& readers,
                   Metrics& metrics, const Clock& clock, int64_t cursor)
    : sender_(std::move(sender)),
      options_(std::move(options)),
      readers_(readers),
      metrics_(metrics),
      clock_(clock),
      cursor_(cursor),
      pause_ms_(options_.first_pause_ms) {}

Notifier::~Notifier() {
  Stop();
}

void Notifier::Wake() {
  MutexLock lock(mutex_);
  woken_ = true;
  changed_.NotifyOne();
}

void Notifier::Stop() {
  sender_->Stop();
  {
    MutexLock lock(mutex_);
    stop_ = true;
    changed_.NotifyOne();
  }
  if (thread_.joinable()) thread_.join();
}

bool Notifier::stopping() {
  MutexLock lock(mutex_);
  return stop_;
}

void Notifier::Loop() {
  while (!stopping()) {
    const auto all = Pass();
    if (!all.ok()) {
      spdlog::warn("notifications by {}: the feed cannot be read: {}", sender_->name(),
                   LogSafe(all.status().message()));
    }
    if (all.ok() && *all) {
      WaitForMore();
    } else {
      Pause();
    }
  }
}

Result<bool> Notifier::Pass() {
  while (!stopping()) {
    std::vector<core::EventRow> events;
    {
      ASSIGN_OR_RETURN(const auto reader, readers_.Borrow());
      ASSIGN_OR_RETURN(events, reader->Events(cursor_, RequestId{}, kNotifyEventsRead));
    }
    if (events.empty()) return true;
    for (const core::EventRow& event : events) {
      if (IsEnd(event)) {
        ASSIGN_OR_RETURN(const bool dealt_with, Deal(event));
        if (!dealt_with) return false;
        RETURN_IF_ERROR(WriteCursor(options_.cursor_file, event.seq));
      }
      cursor_ = event.seq;
    }
  }
  return true;
}

Result<bool> Notifier::Deal(const core::EventRow& event) {
  Notification notification{event.seq, event.at, {}, std::nullopt};
  {
    ASSIGN_OR_RETURN(const auto reader, readers_.Borrow());
    auto row = reader->GetRequest(event.request);
    if (row.status().code() == Code::kNotFound) return true;
    if (!row.ok()) return row.status();
    if (row->phase != core::Phase::kDone) return true;  // told when it ends again
    ASSIGN_OR_RETURN(const auto score, reader->Score(row->id, row->round));
    if (score && row->state == core::RequestState::kFinished) notification.average = score->average;
    notification.request = std::move(*row);
  }
  std::string problem;
  const Delivery delivery = sender_->Send(notification, &problem);
  if (stopping() && delivery != Delivery::kDone) return false;
  if (delivery == Delivery::kDone) {
    metrics_.CountNotification(true);
    pause_ms_ = options_.first_pause_ms;
    return true;
  }
  const int64_t age_ms = (clock_.Wall().micros - event.at.micros) / 1'000;
  const bool give_up = delivery == Delivery::kRefused || age_ms > options_.retry_for_ms;
  spdlog::warn("notification {} of request {} by {} failed: {}; {}", event.seq, event.request.text,
               sender_->name(), LogSafe(problem), give_up ? "it is dropped" : "tried again later");
  if (give_up) metrics_.CountNotification(false);
  return give_up;
}

void Notifier::WaitForMore() {
  MutexLock lock(mutex_);
  while (!woken_ && !stop_) changed_.Wait(mutex_);
  woken_ = false;
}

void Notifier::Pause() {
  const MonoTime end = Clock::Real().Mono() + pause_ms_;
  pause_ms_ = std::min(pause_ms_ * 2, options_.longest_pause_ms);
  MutexLock lock(mutex_);
  while (!stop_) {
    const int64_t left = end - Clock::Real().Mono();
    if (left <= 0) return;
    changed_.WaitFor(mutex_, left);
  }
}

}  // namespace koeval::service
