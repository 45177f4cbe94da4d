// Notifications through a command of the operator's, such as sendmail.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "scheduler/service/notification.h"

namespace koeval::service {

struct MailConfig {
  std::vector<std::string> command;  // argv, the first a path; empty = no mail
  int64_t timeout_ms = 30'000;       // then its process group is killed
};

// Runs the command with NotificationMail on its stdin, no shell between, with the environment of
// RunChild. Status 0 is delivered, any other end is tried again.
std::unique_ptr<NotificationSender> MakeMailCommand(const MailConfig& config, const Clock& clock);

}  // namespace koeval::service
