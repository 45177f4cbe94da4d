// URLs, by libcurl's own parser, so that what is checked is what is asked.
#include "common/hub/http_url.h"

#include <curl/curl.h>
#include <fmt/core.h>

#include <memory>

#include "common/hub/http.h"

namespace koeval::hub {
namespace {

struct UrlDeleter {
  void operator()(CURLU* url) const { curl_url_cleanup(url); }
};
using Url = std::unique_ptr<CURLU, UrlDeleter>;

// nullptr for what is no URL.
Url Parse(const std::string& text) {
  Url url(curl_url());
  if (curl_url_set(url.get(), CURLUPART_URL, text.c_str(), 0) != CURLUE_OK) return nullptr;
  return url;
}

std::string Part(const Url& url, CURLUPart part, unsigned flags = 0) {
  char* text = nullptr;
  if (curl_url_get(url.get(), part, &text, flags) != CURLUE_OK) return "";
  std::string out = text;
  curl_free(text);
  return out;
}

bool IsHttp(const Url& url) {
  const std::string scheme = Part(url, CURLUPART_SCHEME);
  return scheme == "http" || scheme == "https";
}

}  // namespace

std::string ShownUrl(const std::string& text) {
  const Url url = Parse(text);
  if (url == nullptr) return "(no URL)";
  curl_url_set(url.get(), CURLUPART_QUERY, nullptr, 0);
  curl_url_set(url.get(), CURLUPART_FRAGMENT, nullptr, 0);
  curl_url_set(url.get(), CURLUPART_USER, nullptr, 0);
  curl_url_set(url.get(), CURLUPART_PASSWORD, nullptr, 0);
  return Part(url, CURLUPART_URL);
}

Status CheckHttpUrl(const std::string& text) {
  const Url url = Parse(text);
  if (url != nullptr && IsHttp(url) && Part(url, CURLUPART_USER).empty()) return OkStatus();
  return InvalidArgument(fmt::format("{} is no http or https URL without a user", ShownUrl(text)));
}

Result<std::string> RedirectTarget(const std::string& from, const std::string& location) {
  const Url url = Parse(from);
  const auto refuse = [&](std::string_view why) {
    return InvalidArgument(
        fmt::format("{} redirects to a place that is not followed: {}", ShownUrl(from), why));
  };
  if (url == nullptr) return refuse("it is no URL itself");
  const bool was_safe = Part(url, CURLUPART_SCHEME) == "https";
  if (curl_url_set(url.get(), CURLUPART_URL, location.c_str(), 0) != CURLUE_OK || !IsHttp(url)) {
    return refuse("neither http nor https");
  }
  if (!Part(url, CURLUPART_USER).empty()) return refuse("it names a user");
  if (was_safe && Part(url, CURLUPART_SCHEME) != "https") return refuse("from https to http");
  return Part(url, CURLUPART_URL);
}

bool SameOrigin(const std::string& a, const std::string& b) {
  const Url left = Parse(a), right = Parse(b);
  if (left == nullptr || right == nullptr) return false;
  const auto same = [&](CURLUPart part, unsigned flags) {
    return Part(left, part, flags) == Part(right, part, flags);
  };
  return same(CURLUPART_SCHEME, 0) && same(CURLUPART_HOST, 0) &&
         same(CURLUPART_PORT, CURLU_DEFAULT_PORT);
}

bool IsLoopback(const std::string& text) {
  const Url url = Parse(text);
  if (url == nullptr) return false;
  const std::string host = Part(url, CURLUPART_HOST);
  return host == "localhost" || host == "[::1]" || host.starts_with("127.");
}

std::string EscapeUrlPath(std::string_view path) {
  static constexpr std::string_view kPlain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~/";
  std::string out;
  for (char c : path) {
    if (kPlain.find(c) != std::string_view::npos) {
      out += c;
    } else {
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

}  // namespace koeval::hub
