// Webhook and mail.
#include "scheduler/service/notifiers.h"

#include <string>
#include <utility>

#include "scheduler/service/mail_command.h"
#include "scheduler/service/webhook.h"

namespace koeval::service {

Status Notifiers::Start(const ServiceConfig& config, ReaderPool& readers, Metrics& metrics,
                        const Clock& clock, int64_t newest) {
  std::vector<std::unique_ptr<NotificationSender>> senders;
  if (!config.notify.webhook.url.empty()) {
    ASSIGN_OR_RETURN(auto sender, MakeWebhook(config.notify.webhook));
    senders.push_back(std::move(sender));
  }
  if (!config.notify.mail.command.empty()) {
    senders.push_back(MakeMailCommand(config.notify.mail, Clock::Real()));
  }
  for (auto& sender : senders) {
    const std::string cursor = config.state_dir + "/notified-" + sender->name();
    ASSIGN_OR_RETURN(auto notifier, Notifier::Start(std::move(sender),
                                                    {.cursor_file = cursor,
                                                     .retry_for_ms = config.notify.retry_for_ms},
                                                    readers, metrics, clock, newest));
    MutexLock lock(mutex_);
    all_.push_back(std::move(notifier));
  }
  return OkStatus();
}

void Notifiers::Wake() {
  MutexLock lock(mutex_);
  for (const auto& notifier : all_) notifier->Wake();
}

// Outside the lock: the dispatcher may wake them meanwhile.
void Notifiers::Stop() {
  std::vector<std::unique_ptr<Notifier>> ending;
  {
    MutexLock lock(mutex_);
    ending.swap(all_);
  }
  for (const auto& notifier : ending) notifier->Stop();
}

}  // namespace koeval::service
