// The HTTP port: health, metrics and whatever pages are registered.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "common/base/status.h"
#include "scheduler/service/address.h"

namespace koeval::service {

struct HttpReply {
  int status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body;
};

// Serves GET requests on threads of its own. A handler runs on any of them, at once with others.
class HttpServer {
 public:
  using Handler = std::function<HttpReply()>;

  // Opens `address` (port 0: any free one) and answers when it returns. UNAVAILABLE, with the
  // remedy, when the port is in use or the address is not ours.
  static Result<std::unique_ptr<HttpServer>> Start(const Address& address,
                                                   std::map<std::string, Handler> routes);
  // Stops and joins.
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  int port() const;

 private:
  struct Impl;
  explicit HttpServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace koeval::service
