// Notifications as signed HTTP POSTs to the one address that the operator configured.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <string_view>

#include "common/base/status.h"
#include "scheduler/service/notification.h"

namespace koeval::service {

struct WebhookConfig {
  std::string url;          // http:// or https://, without user and password; "" = no web hook
  std::string secret_file;  // its bytes, without white space at the end, are the key of signatures
  int64_t timeout_ms = 10'000;  // of one POST, connecting included
};

// HMAC-SHA256 in lower-case hexadecimal.
std::string HmacSha256Hex(std::string_view key, std::string_view bytes);

// INVALID_ARGUMENT: url is no http or https address, or has user, password or fragment; no secret.
Status ValidateWebhook(const WebhookConfig& config);

// POSTs NotificationJson with the headers
//   X-Koeval-Event      finished, failed or cancelled
//   X-Koeval-Delivery   the notification's number, the same for every try
//   X-Koeval-Signature  sha256=<HMAC-SHA256 of the body>
// to `url` alone: redirects are not followed, proxies of the environment are not used, answers are
// dropped. 2xx is delivered; 408, 425, 429, 5xx and no answer are tried again, all else is refused.
// Errors as ValidateWebhook, and for a secret of less than 16 bytes or that others can read.
Result<std::unique_ptr<NotificationSender>> MakeWebhook(const WebhookConfig& config);

}  // namespace koeval::service
