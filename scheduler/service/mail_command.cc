// The mail command as a child process.
#include "scheduler/service/mail_command.h"

#include <fmt/core.h>

#include <atomic>
#include <utility>

#include "common/base/child_process.h"
#include "scheduler/service/limits.h"

namespace koeval::service {
namespace {

class MailCommand final : public NotificationSender {
 public:
  MailCommand(MailConfig config, const Clock& clock) : config_(std::move(config)), clock_(clock) {}

  std::string name() const override { return "mail"; }
  void Stop() override { stop_ = true; }

  Delivery Send(const Notification& notification, std::string* problem) override {
    const ChildLimits limits{.time_ms = config_.timeout_ms,
                             .output_max = kMailOutputBytesMax,
                             .error_max = kMailOutputBytesMax,
                             .is_trusted = true};
    const auto outcome =
        RunChild(config_.command, limits, clock_, stop_, NotificationMail(notification));
    if (!outcome.ok()) {
      *problem = outcome.status().message();
      return Delivery::kAgain;
    }
    if (outcome->end == ChildEnd::kExited && outcome->code == 0) return Delivery::kDone;
    *problem = outcome->end == ChildEnd::kTimedOut
                   ? fmt::format("it took longer than {}", FormatDuration(config_.timeout_ms))
                   : fmt::format("it ended with {} {}",
                                 outcome->end == ChildEnd::kSignalled ? "signal" : "status",
                                 outcome->code);
    return Delivery::kAgain;
  }

 private:
  const MailConfig config_;
  const Clock& clock_;
  std::atomic<bool> stop_{false};
};

}  // namespace

std::unique_ptr<NotificationSender> MakeMailCommand(const MailConfig& config, const Clock& clock) {
  return std::make_unique<MailCommand>(config, clock);
}

}  // namespace koeval::service
