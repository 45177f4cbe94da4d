// What is told when a request has ended, and through what: a web hook or a mail command.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "common/base/clock.h"
#include "scheduler/core/records.h"

namespace koeval::service {

// The end of a request. Holds no text of evaluations; reasons are left out, since parts of the
// system that see rows write them.
struct Notification {
  int64_t seq = 0;  // of the entry in the change feed: equal for every try
  WallTime at;
  core::RequestRow request;
  std::optional<double> average;  // of a FINISHED one
};

// "finished", "failed" or "cancelled".
std::string NotificationEvent(const Notification& notification);
// {"schema": "koeval.notification/1", "event": "finished" | "failed" | "cancelled", "seq", "at",
// "request": {id, model, revision, precision, suite, suite_version, submitter, state, ending,
// average, submitted_at, finished_at}}, compact.
std::string NotificationJson(const Notification& notification);
// A mail with the header lines Subject, MIME-Version and Content-Type, then the text.
std::string NotificationMail(const Notification& notification);

enum class Delivery {
  kDone,
  kAgain,    // it may go through later
  kRefused,  // it never will
};

// One way out. Send blocks, for a bounded time, and comes from one thread; Stop from any, and makes
// it return early.
class NotificationSender {
 public:
  virtual ~NotificationSender() = default;
  virtual std::string name() const = 0;  // "webhook", "mail"
  // `problem` says what went wrong, for the log.
  virtual Delivery Send(const Notification& notification, std::string* problem) = 0;
  virtual void Stop() = 0;
};

}  // namespace koeval::service
