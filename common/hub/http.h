// GET over HTTP with bounds on everything: time, size, redirects, retries.
//
// libcurl makes single exchanges; what is above them is decided here. A redirect is followed to
// http and https alone, never from https to http, and a token goes to the host that it was meant
// for and to no other. What can pass (no connection, a broken transfer, 408, 429, 5xx) is tried
// again with back-off and jitter, or when Retry-After says so; a transfer that made progress starts
// counting anew.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/cancel.h"
#include "common/base/clock.h"
#include "common/base/status.h"

namespace koeval::hub {

inline constexpr int kRedirectsMax = 5;
inline constexpr size_t kHeaderBytesMax = 256 << 10;  // of one answer
inline constexpr size_t kErrorBodyBytesMax = 4 << 10;
inline constexpr int kAttemptsWithProgressMax = 1000;  // of one transfer, whatever it moved

struct HttpOptions {
  int64_t connect_ms = 15'000;
  int64_t silent_ms = 30'000;  // below 1 KiB/s for this long is a failure
  int attempts = 5;            // in a row without a byte
  int64_t backoff_first_ms = 500;
  int64_t backoff_most_ms = 30'000;
  int64_t retry_after_most_ms = 300'000;  // a server that asks for more is given up
  uint64_t seed = 1;                      // of the jitter
  std::string user_agent = "koeval";
};

struct HttpRequest {
  std::string url;
  std::string token;  // sent as "Authorization: Bearer", to the url's own host alone
  std::optional<std::pair<uint64_t, uint64_t>> range;  // first and last byte
  std::optional<uint64_t> from;                        // first byte, to the end
  std::string if_range;                                // ETag that makes the range valid
  uint64_t bytes_max = 0;                              // of the body; REQUIRES: > 0
};

struct HttpAnswer {
  int status = 0;
  std::map<std::string, std::string> headers;        // of the last answer; names in lower case
  std::map<std::string, std::string> first_headers;  // of the answer to the url itself
  std::string error_body;                            // beginning of a body that is no success
  // Of the first answer, else of the last; "" when absent.
  std::string Header(const std::string& name) const;
};

// One transfer over however many attempts. Called from the thread that called Get.
class Transfer {
 public:
  virtual ~Transfer() = default;
  // The request of the next attempt; it may go on where the last one broke.
  virtual HttpRequest Next() = 0;
  // The head of a success (2xx), before its body. A failure ends the transfer.
  virtual Status Begin(const HttpAnswer& answer) = 0;
  virtual Status Write(std::string_view bytes) = 0;
};

// One exchange, no redirect followed, no retry. The seam for tests.
class HttpExchange {
 public:
  virtual ~HttpExchange() = default;
  // Calls `head` and `body` for a 2xx. UNAVAILABLE: no answer or a broken one. OUT_OF_RANGE: more
  // than request.bytes_max. CANCELLED. Else what `head` or `body` returned.
  virtual Result<HttpAnswer> Once(const HttpRequest& request,
                                  const std::function<Status(const HttpAnswer&)>& head,
                                  const std::function<Status(std::string_view)>& body,
                                  const Cancel& cancel) const = 0;
};

// Thread-safe.
class HttpClient {
 public:
  using Wait = std::function<void(int64_t ms, const Cancel& cancel)>;

  // Over libcurl and the machine's clock.
  explicit HttpClient(HttpOptions options);
  HttpClient(HttpOptions options, std::unique_ptr<HttpExchange> exchange, const Clock& clock,
             Wait wait);
  ~HttpClient();

  // The final answer, whatever its status, when the server gave one that another try cannot
  // better. UNAVAILABLE, naming URL, cause and number of attempts, when all attempts failed.
  // INVALID_ARGUMENT for a redirect that is not followed. Also what Transfer and Once return.
  Result<HttpAnswer> Get(Transfer& transfer, const Cancel& cancel) const;
  // The body of a 2xx, or "" with the answer of another status.
  struct Text {
    HttpAnswer answer;
    std::string body;
  };
  Result<Text> GetText(const HttpRequest& request, const Cancel& cancel) const;

 private:
  Result<HttpAnswer> Follow(HttpRequest request, Transfer& transfer, bool& moved,
                            const Cancel& cancel) const;
  Result<int64_t> WaitBefore(const HttpAnswer* answer, int failures, uint64_t& jitter) const;

  const HttpOptions options_;
  const std::unique_ptr<HttpExchange> exchange_;
  const Clock& clock_;
  const Wait wait_;
};

// `url` without query, user and fragment: what messages may show of it.
std::string ShownUrl(const std::string& url);
// Seconds of a Retry-After header: a number, or a date of RFC 7231 relative to `now`. Nothing for
// other text.
std::optional<int64_t> RetryAfterMs(const std::string& header, WallTime now);
// Bytes as they may stand in a path of a URL; '/' stays.
std::string EscapeUrlPath(std::string_view path);

}  // namespace koeval::hub
