// libcurl: a handle per exchange, redirects and retries off, every option set by hand.
#include "common/hub/curl_exchange.h"

#include <curl/curl.h>
#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "common/hub/http_url.h"

namespace koeval::hub {
namespace {

constexpr long kSlowBytesPerSecond = 1024;

struct EasyDeleter {
  void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
};
struct ListDeleter {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using Easy = std::unique_ptr<CURL, EasyDeleter>;
using HeaderList = std::unique_ptr<curl_slist, ListDeleter>;

// The callbacks of one exchange; `failed` is why it was ended from our side.
struct Exchange {
  const HttpRequest& request;
  const std::function<Status(const HttpAnswer&)>& head;
  const std::function<Status(std::string_view)>& body;
  const Cancel& cancel;
  HttpAnswer answer;
  size_t header_bytes = 0;
  uint64_t body_bytes = 0;
  bool head_seen = false;
  Status failed;

  bool success() const { return answer.status >= 200 && answer.status < 300; }

  // False ends the exchange.
  bool Take(Status status) {
    if (!status.ok() && failed.ok()) failed = std::move(status);
    return failed.ok();
  }

  bool OnHeader(std::string_view line) {
    header_bytes += line.size();
    if (header_bytes > kHeaderBytesMax) {
      return Take(Unavailable(fmt::format("{} answers with more than {} bytes of headers",
                                          ShownUrl(request.url), kHeaderBytesMax)));
    }
    while (line.ends_with('\n') || line.ends_with('\r')) line.remove_suffix(1);
    if (line.starts_with("HTTP/")) {  // also of an interim answer (100), which is forgotten
      answer.headers.clear();
      const size_t blank = line.find(' ');
      answer.status = blank == std::string_view::npos ? 0 : std::atoi(line.data() + blank + 1);
      return true;
    }
    const size_t colon = line.find(':');
    if (colon == std::string_view::npos) return true;
    std::string name(line.substr(0, colon));
    std::transform(name.begin(), name.end(), name.begin(), [](char c) {
      return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    std::string_view value = line.substr(colon + 1);
    while (value.starts_with(' ') || value.starts_with('\t')) value.remove_prefix(1);
    answer.headers[name] = value;
    return true;
  }

  bool Head() {
    if (head_seen) return failed.ok();
    head_seen = true;
    return Take(head(answer));
  }

  bool OnBody(std::string_view bytes) {
    if (!success()) {
      const size_t room =
          kErrorBodyBytesMax - std::min(kErrorBodyBytesMax, answer.error_body.size());
      answer.error_body += bytes.substr(0, room);
      return true;
    }
    if (!Head()) return false;
    body_bytes += bytes.size();
    if (body_bytes > request.bytes_max) {
      return Take(OutOfRange(fmt::format("{} answers with more than the {} bytes that are read",
                                         ShownUrl(request.url), request.bytes_max)));
    }
    return Take(body(bytes));
  }
};

size_t HeaderCallback(char* data, size_t size, size_t count, void* user) {
  const size_t bytes = size * count;
  return static_cast<Exchange*>(user)->OnHeader({data, bytes}) ? bytes : bytes + 1;
}

size_t BodyCallback(char* data, size_t size, size_t count, void* user) {
  const size_t bytes = size * count;
  return static_cast<Exchange*>(user)->OnBody({data, bytes}) ? bytes : bytes + 1;
}

int ProgressCallback(void* user, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  return static_cast<Exchange*>(user)->cancel.asked() ? 1 : 0;
}

void GlobalInit() {
  static const CURLcode once = curl_global_init(CURL_GLOBAL_DEFAULT);
  (void)once;
}

class CurlExchange final : public HttpExchange {
 public:
  explicit CurlExchange(HttpOptions options) : options_(std::move(options)) { GlobalInit(); }

  Result<HttpAnswer> Once(const HttpRequest& request,
                          const std::function<Status(const HttpAnswer&)>& head,
                          const std::function<Status(std::string_view)>& body,
                          const Cancel& cancel) const override {
    RETURN_IF_ERROR(CheckHttpUrl(request.url));
    RETURN_IF_ERROR(cancel.status());
    Exchange exchange{request, head, body, cancel, {}, 0, 0, false, {}};
    const Easy easy(curl_easy_init());
    if (easy == nullptr) return Unavailable("libcurl gives no handle");
    const HeaderList headers = Headers(request);
    std::string why(CURL_ERROR_SIZE, '\0');
    SetOptions(easy.get(), request, headers.get(), why.data(), exchange);
    const CURLcode code = curl_easy_perform(easy.get());
    RETURN_IF_ERROR(cancel.status());
    RETURN_IF_ERROR(exchange.failed);
    if (code != CURLE_OK) {
      why.resize(std::min(why.find('\0'), why.size()));
      return Unavailable(fmt::format("{}: {}", ShownUrl(request.url),
                                     why.empty() ? curl_easy_strerror(code) : why));
    }
    if (exchange.success() && !exchange.Head()) return exchange.failed;
    return std::move(exchange.answer);
  }

 private:
  static HeaderList Headers(const HttpRequest& request) {
    curl_slist* list = nullptr;
    if (!request.token.empty()) {
      list = curl_slist_append(list, ("Authorization: Bearer " + request.token).c_str());
    }
    if (!request.if_range.empty()) {
      list = curl_slist_append(list, ("If-Range: " + request.if_range).c_str());
    }
    return HeaderList(list);
  }

  static std::string RangeText(const HttpRequest& request) {
    if (request.range) return fmt::format("{}-{}", request.range->first, request.range->second);
    return request.from ? fmt::format("{}-", *request.from) : "";
  }

  void SetOptions(CURL* easy, const HttpRequest& request, curl_slist* headers, char* why,
                  Exchange& exchange) const {
    curl_easy_setopt(easy, CURLOPT_URL, request.url.c_str());
    curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
    curl_easy_setopt(easy, CURLOPT_USERAGENT, options_.user_agent.c_str());
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(options_.connect_ms));
    curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, kSlowBytesPerSecond);
    curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME,
                     std::max(1L, static_cast<long>(options_.silent_ms / 1000)));
    const std::string range = RangeText(request);
    if (!range.empty()) curl_easy_setopt(easy, CURLOPT_RANGE, range.c_str());
    // A proxy of the environment is for the world, not for this machine.
    if (IsLoopback(request.url)) curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, why);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, HeaderCallback);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, &exchange);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, BodyCallback);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, &exchange);
    curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, ProgressCallback);
    curl_easy_setopt(easy, CURLOPT_XFERINFODATA, &exchange);
  }

  const HttpOptions options_;
};

}  // namespace

std::unique_ptr<HttpExchange> MakeCurlExchange(const HttpOptions& options) {
  return std::make_unique<CurlExchange>(options);
}

}  // namespace koeval::hub
