// Redirects, retries and waits above single exchanges.
#include "common/hub/http.h"

#include <curl/curl.h>
#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "common/hub/curl_exchange.h"
#include "common/hub/http_url.h"

namespace koeval::hub {
namespace {

bool IsRedirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

bool CanPass(int status) {
  return status == 408 || status == 429 || status == 500 || (status >= 502 && status <= 504);
}

// A linear congruential step (Knuth's MMIX constants): jitter needs no more.
uint64_t Step(uint64_t& state) {
  state = state * 6364136223846793005ULL + 1442695040888963407ULL;
  return state >> 33;
}

class TextTransfer final : public Transfer {
 public:
  explicit TextTransfer(const HttpRequest& request) : request_(request) {}
  HttpRequest Next() override { return request_; }
  Status Begin(const HttpAnswer&) override {
    body.clear();
    return OkStatus();
  }
  Status Write(std::string_view bytes) override {
    body += bytes;
    return OkStatus();
  }

  std::string body;

 private:
  const HttpRequest& request_;
};

}  // namespace

std::string HttpAnswer::Header(const std::string& name) const {
  for (const auto* map : {&first_headers, &headers}) {
    if (const auto at = map->find(name); at != map->end()) return at->second;
  }
  return "";
}

std::optional<int64_t> RetryAfterMs(const std::string& header, WallTime now) {
  constexpr size_t kDigitsMax = 9;
  if (header.empty()) return std::nullopt;
  const bool digits =
      std::all_of(header.begin(), header.end(), [](char c) { return c >= '0' && c <= '9'; });
  if (digits && header.size() <= kDigitsMax) return std::stoll(header) * 1000;
  if (digits) return std::nullopt;
  const time_t date = curl_getdate(header.c_str(), nullptr);
  if (date < 0) return std::nullopt;
  return std::max<int64_t>(0, int64_t{date} * 1000 - now.micros / 1000);
}

HttpClient::HttpClient(HttpOptions options)
    : HttpClient(options, MakeCurlExchange(options), Clock::Real(),
                 [](int64_t ms, const Cancel& cancel) {
                   const MonoTime end = Clock::Real().Mono() + ms;
                   while (!cancel.asked() && Clock::Real().Mono() < end) {
                     cancel.WaitFor(end - Clock::Real().Mono());
                   }
                 }) {}

HttpClient::HttpClient(HttpOptions options, std::unique_ptr<HttpExchange> exchange,
                       const Clock& clock, Wait wait)
    : options_(std::move(options)),
      exchange_(std::move(exchange)),
      clock_(clock),
      wait_(std::move(wait)) {}

HttpClient::~HttpClient() = default;

// One attempt: the url and the redirects behind it.
Result<HttpAnswer> HttpClient::Follow(HttpRequest request, Transfer& transfer, bool& moved,
                                      const Cancel& cancel) const {
  const auto head = [&](const HttpAnswer& answer) { return transfer.Begin(answer); };
  const auto body = [&](std::string_view bytes) {
    moved = moved || !bytes.empty();
    return transfer.Write(bytes);
  };
  std::optional<std::map<std::string, std::string>> first;
  const std::string asked = request.url;
  for (int redirects = 0; redirects <= kRedirectsMax; ++redirects) {
    const auto head_with_first = [&](const HttpAnswer& answer) {
      HttpAnswer whole = answer;
      whole.first_headers = first.value_or(answer.headers);
      return head(whole);
    };
    ASSIGN_OR_RETURN(HttpAnswer answer, exchange_->Once(request, head_with_first, body, cancel));
    if (!first) first = answer.headers;
    answer.first_headers = *first;
    if (!IsRedirect(answer.status)) return answer;
    const auto location = answer.headers.find("location");
    if (location == answer.headers.end()) {
      return Unavailable(ShownUrl(request.url) + " redirects without saying where to");
    }
    ASSIGN_OR_RETURN(std::string target, RedirectTarget(request.url, location->second));
    if (!SameOrigin(request.url, target)) request.token.clear();
    request.url = std::move(target);
  }
  return InvalidArgument(
      fmt::format("{} redirects more than {} times", ShownUrl(asked), kRedirectsMax));
}

// Milliseconds before the next attempt; UNAVAILABLE when the server asks for too many.
Result<int64_t> HttpClient::WaitBefore(const HttpAnswer* answer, int failures,
                                       uint64_t& jitter) const {
  int64_t wait = options_.backoff_first_ms;
  for (int i = 1; i < failures && wait < options_.backoff_most_ms; ++i) wait *= 2;
  wait = std::min(wait, options_.backoff_most_ms);
  wait += static_cast<int64_t>(Step(jitter) % static_cast<uint64_t>(wait / 4 + 1));
  if (answer == nullptr) return wait;
  const auto asked = RetryAfterMs(answer->Header("retry-after"), clock_.Wall());
  if (!asked) return wait;
  if (*asked > options_.retry_after_most_ms) {
    return Unavailable(fmt::format("it asks to come back in {}", FormatDuration(*asked)));
  }
  return std::max(wait, *asked);
}

Result<HttpAnswer> HttpClient::Get(Transfer& transfer, const Cancel& cancel) const {
  uint64_t jitter = options_.seed;
  int failures = 0;
  for (int attempt = 0; attempt < kAttemptsWithProgressMax; ++attempt) {
    RETURN_IF_ERROR(cancel.status());
    const HttpRequest request = transfer.Next();
    bool moved = false;
    const Result<HttpAnswer> answer = Follow(request, transfer, moved, cancel);
    const bool answered = answer.ok();
    if (answered && !CanPass(answer->status)) return answer;
    if (!answered && answer.status().code() != Code::kUnavailable) return answer.status();
    failures = moved ? 1 : failures + 1;
    const std::string why =
        answered ? fmt::format("{} answers with status {}", ShownUrl(request.url), answer->status)
                 : answer.status().message();
    if (failures >= options_.attempts) {
      return Unavailable(fmt::format("{} ({} attempts)", why, failures));
    }
    const auto wait = WaitBefore(answered ? &*answer : nullptr, failures, jitter);
    if (!wait.ok()) return Unavailable(why + "; " + wait.status().message());
    wait_(*wait, cancel);
  }
  return Unavailable(
      fmt::format("{} broke {} times", ShownUrl(transfer.Next().url), kAttemptsWithProgressMax));
}

Result<HttpClient::Text> HttpClient::GetText(const HttpRequest& request,
                                             const Cancel& cancel) const {
  TextTransfer transfer(request);
  ASSIGN_OR_RETURN(HttpAnswer answer, Get(transfer, cancel));
  const bool success = answer.status >= 200 && answer.status < 300;
  return Text{std::move(answer), success ? std::move(transfer.body) : std::string()};
}

}  // namespace koeval::hub
