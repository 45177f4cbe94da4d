// HTTP over cpp-httplib.
#include "scheduler/service/http_server.h"

#include <fmt/core.h>
#include <httplib.h>

#include <thread>
#include <utility>

#include "scheduler/service/limits.h"

namespace koeval::service {

struct HttpServer::Impl {
  httplib::Server server;
  std::thread thread;
  int port = 0;
};

HttpServer::HttpServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

HttpServer::~HttpServer() {
  impl_->server.stop();
  impl_->thread.join();
}

int HttpServer::port() const {
  return impl_->port;
}

namespace {

void Configure(httplib::Server& server) {
  server.new_task_queue = [] { return new httplib::ThreadPool(kHttpThreads); };
  server.set_payload_max_length(kHttpBodyBytesMax);
  server.set_read_timeout(kHttpTimeoutSeconds);
  server.set_write_timeout(kHttpTimeoutSeconds);
  server.set_keep_alive_timeout(1);
  // Without SO_REUSEPORT, which the library sets: a second scheduler on this port is an error.
  server.set_socket_options([](socket_t socket) {
    const int yes = 1;
    ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  });
  server.set_default_headers(
      {{"X-Content-Type-Options", "nosniff"}, {"Cache-Control", "no-store"}});
}

void AddRoute(httplib::Server& server, const std::string& path, HttpServer::Handler handler) {
  server.Get(path,
             [handler = std::move(handler)](const httplib::Request&, httplib::Response& response) {
               const HttpReply reply = handler();
               response.status = reply.status;
               response.set_content(reply.body, reply.content_type);
             });
}

}  // namespace

Result<std::unique_ptr<HttpServer>> HttpServer::Start(const Address& address,
                                                      std::map<std::string, Handler> routes) {
  auto impl = std::make_unique<Impl>();
  Configure(impl->server);
  impl->server.Get("/-/up", [](const httplib::Request&, httplib::Response& response) {
    response.set_content("up\n", "text/plain");
  });
  for (auto& [path, handler] : routes) AddRoute(impl->server, path, std::move(handler));
  if (address.port == 0) {
    impl->port = impl->server.bind_to_any_port(address.host);
  } else if (impl->server.bind_to_port(address.host, address.port)) {
    impl->port = address.port;
  }
  if (impl->port <= 0) {
    return Unavailable(fmt::format(
        "cannot open the HTTP address {}: it is in use or not an address of this machine; change "
        "http_address or stop the other program",
        address.ToString()));
  }
  impl->thread = std::thread([server = &impl->server] { server->listen_after_bind(); });
  // The library can be stopped only once its loop runs, which an answered request proves.
  const bool any = address.host == "0.0.0.0" || address.host == "::";
  httplib::Client probe(any ? "localhost" : address.host, impl->port);
  probe.set_connection_timeout(kHttpTimeoutSeconds);
  probe.set_read_timeout(kHttpTimeoutSeconds);
  const auto answer = probe.Get("/-/up");
  std::unique_ptr<HttpServer> out(new HttpServer(std::move(impl)));
  if (!answer) {
    return Unavailable(fmt::format("the HTTP port {} does not answer", address.ToString()));
  }
  return out;
}

}  // namespace koeval::service
