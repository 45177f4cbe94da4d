// The HTTP port: threads, connections, compression; what is answered is the handler's.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/status.h"
#include "scheduler/service/address.h"

namespace koeval::service {

struct HttpRequest {
  std::string method;  // GET (also for HEAD) or POST
  std::string path;    // decoded, without the query
  std::string query;   // as it was sent, without '?'
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers;  // names in lower case
  std::string peer = {};  // address of who sent it, or their proxy

  // The first of that name, which is given in lower case; "" without one.
  std::string Header(std::string_view name) const;
};

struct HttpReply {
  // Writes a piece; false when the reader has gone.
  using Write = std::function<bool(std::string_view)>;

  int status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers = {};
  std::shared_ptr<const std::string> gzip = nullptr;  // the body compressed, where that is known
  // Instead of a body: called again and again until it returns false or the reader has gone.
  std::function<bool(const Write&)> stream = nullptr;
};

// Fills in `gzip` where the server would compress the body for a reader who takes it.
void Compress(HttpReply* reply);

// Serves GET, HEAD and POST on threads of its own. The handler runs on any of them, at once with
// others. Bodies of some size are compressed with gzip where the reader takes it.
class HttpServer {
 public:
  using Handler = std::function<HttpReply(const HttpRequest&)>;

  // Opens `address` (port 0: any free one) and answers when it returns. UNAVAILABLE, with the
  // remedy, when the port is in use or the address is not ours.
  static Result<std::unique_ptr<HttpServer>> Start(const Address& address, Handler handler);
  // Stops and joins; streams must have been told to end.
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
