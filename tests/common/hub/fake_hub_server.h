// One HTTP server of the local hub, and how its answers leave.
#pragma once

#include <httplib.h>

#include <functional>
#include <optional>
#include <string>
#include <thread>

namespace koeval::hub {

// Serves every GET on 127.0.0.1 until destroyed; `handler` runs on threads of its own.
class FakeServer {
 public:
  using Handler = std::function<void(const httplib::Request&, httplib::Response&)>;
  FakeServer(int port, Handler handler);  // 0 takes a free port
  ~FakeServer();
  FakeServer(const FakeServer&) = delete;
  FakeServer& operator=(const FakeServer&) = delete;

  std::string endpoint() const;

 private:
  httplib::Server server_;
  std::thread thread_;
  int port_ = 0;
};

// Where an answer breaks off, if it does, and what is waited for before.
struct Delivery {
  std::optional<size_t> break_at;
  std::function<void()> before_break;
  int64_t bytes_per_second = 0;  // of the connection; 0: as fast as it goes
};

// A refusal as the hub writes it; `code` may be "".
void Refuse(httplib::Response& response, int status, const std::string& code,
            const std::string& message);

// The bytes, or the range of them that was asked, cut off where `delivery` says.
void SendBytes(const httplib::Request& request, httplib::Response& response,
               const std::string& bytes, const std::string& etag, const Delivery& delivery);

}  // namespace koeval::hub
