// The web hook over libcurl.
#include "scheduler/service/webhook.h"

#include <curl/curl.h>
#include <fmt/core.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>
#include <mutex>
#include <utility>

#include "common/base/private_file.h"
#include "scheduler/service/limits.h"
#include "scheduler/service/version.h"

namespace koeval::service {
namespace {

constexpr size_t kSecretBytesMin = 16;
constexpr size_t kSecretBytesMax = 4'096;

using Easy = std::unique_ptr<CURL, decltype(&curl_easy_cleanup)>;
using Headers = std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)>;

// Nobody reads the answer; one that goes on and on ends the transfer.
size_t DropAnswer(char*, size_t size, size_t count, void* user) {
  auto* left = static_cast<int64_t*>(user);
  *left -= static_cast<int64_t>(size * count);
  return *left < 0 ? 0 : size * count;
}

int MayGoOn(void* user, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  return static_cast<const std::atomic<bool>*>(user)->load() ? 1 : 0;
}

bool MayPassLater(long status) {
  return status == 408 || status == 425 || status == 429 || status >= 500;
}

class Webhook final : public NotificationSender {
 public:
  Webhook(WebhookConfig config, std::string secret)
      : config_(std::move(config)), secret_(std::move(secret)) {}

  std::string name() const override { return "webhook"; }
  void Stop() override { stop_ = true; }

  Delivery Send(const Notification& notification, std::string* problem) override {
    const std::string body = NotificationJson(notification);
    const Easy easy(curl_easy_init(), curl_easy_cleanup);
    Headers headers = MakeHeaders(notification, body);
    if (!easy || !headers) {
      *problem = "no memory for a request";
      return Delivery::kAgain;
    }
    int64_t answer_left = kWebhookAnswerBytesMax;
    Prepare(easy.get(), headers.get(), body, &answer_left);
    const CURLcode code = curl_easy_perform(easy.get());
    long status = 0;
    curl_easy_getinfo(easy.get(), CURLINFO_RESPONSE_CODE, &status);
    if (status >= 200 && status < 300) return Delivery::kDone;
    if (status == 0) {
      *problem = curl_easy_strerror(code);
      return Delivery::kAgain;
    }
    *problem = fmt::format("it answered {}", status);
    return MayPassLater(status) ? Delivery::kAgain : Delivery::kRefused;
  }

 private:
  Headers MakeHeaders(const Notification& notification, const std::string& body) const {
    const std::array<std::string, 5> lines = {
        "Content-Type: application/json", "X-Koeval-Event: " + NotificationEvent(notification),
        fmt::format("X-Koeval-Delivery: {}", notification.seq),
        "X-Koeval-Signature: sha256=" + HmacSha256Hex(secret_, body),
        "Expect:"};  // no waiting for a permission to send the body
    curl_slist* list = nullptr;
    for (const std::string& line : lines) {
      curl_slist* longer = curl_slist_append(list, line.c_str());
      if (longer == nullptr) {
        curl_slist_free_all(list);
        return {nullptr, curl_slist_free_all};
      }
      list = longer;
    }
    return {list, curl_slist_free_all};
  }

  void Prepare(CURL* easy, curl_slist* headers, const std::string& body, int64_t* answer_left) {
    curl_easy_setopt(easy, CURLOPT_URL, config_.url.c_str());
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, static_cast<long>(config_.timeout_ms));
    curl_easy_setopt(easy, CURLOPT_USERAGENT, kUserAgent.c_str());
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(easy, CURLOPT_POST, 1L);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body.data());
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, DropAnswer);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, answer_left);
    curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, MayGoOn);
    curl_easy_setopt(easy, CURLOPT_XFERINFODATA, &stop_);
  }

  const WebhookConfig config_;
  const std::string secret_;
  const std::string kUserAgent = fmt::format("koeval-scheduler/{}", kVersion);
  std::atomic<bool> stop_{false};
};

}  // namespace

std::string HmacSha256Hex(std::string_view key, std::string_view bytes) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
       reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), digest.data(), &size);
  std::string out;
  for (unsigned int i = 0; i < size; ++i) out += fmt::format("{:02x}", digest[i]);
  return out;
}

Status ValidateWebhook(const WebhookConfig& config) {
  if (config.url.empty()) return OkStatus();
  const bool known = config.url.starts_with("http://") || config.url.starts_with("https://");
  const bool clean = config.url.find_first_of("@# \t\r\n") == std::string::npos;
  if (!known || !clean) {
    return InvalidArgument(
        "notify.webhook_url: must be one http:// or https:// address without user, password and "
        "fragment");
  }
  if (config.secret_file.empty()) {
    return InvalidArgument(
        "notify.webhook_secret_file: is missing; name a file with a secret of your own, with which "
        "notifications are signed");
  }
  return OkStatus();
}

Result<std::unique_ptr<NotificationSender>> MakeWebhook(const WebhookConfig& config) {
  RETURN_IF_ERROR(ValidateWebhook(config));
  auto secret = ReadPrivateFile(config.secret_file, kSecretBytesMax);
  if (!secret.ok()) return secret.status().WithContext("notify.webhook_secret_file");
  while (!secret->empty() && std::isspace(static_cast<unsigned char>(secret->back())) != 0) {
    secret->pop_back();
  }
  if (secret->size() < kSecretBytesMin) {
    return InvalidArgument(fmt::format("notify.webhook_secret_file: {} holds less than {} bytes",
                                       config.secret_file, kSecretBytesMin));
  }
  static std::once_flag once;
  std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
  return std::unique_ptr<NotificationSender>(std::make_unique<Webhook>(config, std::move(*secret)));
}

}  // namespace koeval::service
