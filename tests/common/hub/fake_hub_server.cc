// The local hub's server over cpp-httplib.
#include "tests/common/hub/fake_hub_server.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "common/base/cancel.h"
#include "common/base/check.h"
#include "common/base/json.h"

namespace koeval::hub {
namespace {

constexpr size_t kThreads = 16;
constexpr char kHost[] = "127.0.0.1";
constexpr int64_t kSlowStepMs = 20;

void SendSlowly(httplib::Response& response, const std::string& bytes, int64_t bytes_per_second) {
  const auto step =
      static_cast<size_t>(std::max<int64_t>(1, bytes_per_second * kSlowStepMs / 1000));
  response.set_content_provider(bytes.size(), "application/octet-stream",
                                [bytes, step](size_t offset, size_t, httplib::DataSink& sink) {
                                  sink.write(bytes.data() + offset,
                                             std::min(step, bytes.size() - offset));
                                  Cancel().WaitFor(kSlowStepMs);
                                  return true;
                                });
}

}  // namespace

FakeServer::FakeServer(int port, Handler handler) {
  server_.new_task_queue = [] { return new httplib::ThreadPool(kThreads); };
  server_.set_keep_alive_timeout(1);
  server_.Get(".*", std::move(handler));
  port_ = port == 0 ? server_.bind_to_any_port(kHost) : port;
  KOEVAL_CHECK(port == 0 ? port_ > 0 : server_.bind_to_port(kHost, port), "no port for the hub");
  thread_ = std::thread([this] { server_.listen_after_bind(); });
  while (!server_.is_running()) std::this_thread::yield();
}

FakeServer::~FakeServer() {
  server_.stop();
  thread_.join();
}

std::string FakeServer::endpoint() const {
  return fmt::format("http://{}:{}", kHost, port_);
}

void Refuse(httplib::Response& response, int status, const std::string& code,
            const std::string& message) {
  response.status = status;
  if (!code.empty()) response.set_header("X-Error-Code", code);
  response.set_header("X-Error-Message", message);
  response.set_content(Json{{"error", message}}.dump(), "application/json");
}

void SendBytes(const httplib::Request& request, httplib::Response& response,
               const std::string& bytes, const std::string& etag, const Delivery& delivery) {
  // The library applies ranges by itself and knows no If-Range: it is given none.
  auto& ranges = const_cast<httplib::Request&>(request).ranges;
  const auto asked = std::exchange(ranges, {});
  response.set_header("ETag", etag);
  response.set_header("Accept-Ranges", "bytes");
  const bool stale = request.has_header("If-Range") && request.get_header_value("If-Range") != etag;
  size_t begin = 0, end = bytes.size();
  if (!asked.empty() && !stale) {
    const auto size = static_cast<ssize_t>(bytes.size());
    const ssize_t first = asked[0].first;
    const ssize_t last = asked[0].second < 0 ? size - 1 : std::min(asked[0].second, size - 1);
    if (first < 0 || first > last) {
      response.set_header("Content-Range", fmt::format("bytes */{}", size));
      return Refuse(response, 416, "", "no such range");
    }
    begin = static_cast<size_t>(first);
    end = static_cast<size_t>(last) + 1;
    response.status = 206;
    response.set_header("Content-Range", fmt::format("bytes {}-{}/{}", first, last, size));
  } else {
    response.status = 200;
  }
  const std::string part = bytes.substr(begin, end - begin);
  if (delivery.bytes_per_second > 0) return SendSlowly(response, part, delivery.bytes_per_second);
  if (!delivery.break_at) return response.set_content(part, "application/octet-stream");
  const size_t whole = std::min(*delivery.break_at, part.size());
  response.set_content_provider(
      part.size(), "application/octet-stream",
      [part, whole, hold = delivery.before_break](size_t offset, size_t, httplib::DataSink& sink) {
        if (offset >= whole && hold) hold();
        if (offset >= whole) return false;
        sink.write(part.data() + offset, whole - offset);
        return true;
      });
}

}  // namespace koeval::hub
