// HTTP over cpp-httplib.
#include "scheduler/service/http_server.h"

#include <fmt/core.h>
#include <httplib.h>
#include <zlib.h>

#include <algorithm>
#include <exception>
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

constexpr const char* kUpPath = "/-/up";

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
  server.set_default_headers({{"X-Content-Type-Options", "nosniff"}});
}

std::string LowerCase(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return text;
}

HttpRequest FromLibrary(const httplib::Request& request) {
  HttpRequest out;
  out.method = request.method == "HEAD" ? "GET" : request.method;
  out.path = request.path;
  const size_t mark = request.target.find('?');
  if (mark != std::string::npos) out.query = request.target.substr(mark + 1);
  out.body = request.body;
  out.peer = request.remote_addr;
  for (const auto& [name, value] : request.headers) {
    out.headers.emplace_back(LowerCase(name), value);
  }
  return out;
}

bool TakesGzip(const HttpRequest& request) {
  const std::string accepted = request.Header("accept-encoding");
  const size_t gzip = accepted.find("gzip");
  return gzip != std::string::npos &&
         !std::string_view(accepted).substr(gzip).starts_with("gzip;q=0");
}

bool Compresses(const HttpReply& reply) {
  return reply.body.size() >= kHttpCompressBytesLeast &&
         (reply.content_type.starts_with("text/") || reply.content_type.starts_with("image/svg") ||
          reply.content_type.starts_with("application/json"));
}

// `text` as a gzip stream; "" when zlib refuses.
std::string Gzip(const std::string& text) {
  constexpr int kLevel = 4;        // half of the time of 6 for a few per cent more bytes
  constexpr int kGzipWindow = 31;  // 15 bits, with gzip's header
  constexpr int kMemory = 8;
  z_stream stream{};
  if (deflateInit2(&stream, kLevel, Z_DEFLATED, kGzipWindow, kMemory, Z_DEFAULT_STRATEGY) != Z_OK) {
    return "";
  }
  std::string out(deflateBound(&stream, text.size()), '\0');
  // zlib's interface lacks the const; it does not write to its input.
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  const int status = deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return status == Z_STREAM_END ? out : "";
}

// The library would compress by itself, with its slowest settings; a provider keeps it from that.
void SetBody(const std::shared_ptr<const std::string>& body, const std::string& content_type,
             httplib::Response* response) {
  response->set_content_provider(body->size(), content_type,
                                 [body](size_t offset, size_t length, httplib::DataSink& sink) {
                                   return sink.write(body->data() + offset, length);
                                 });
}

void ToLibrary(const HttpRequest& request, HttpReply reply, httplib::Response* response) {
  response->status = reply.status;
  for (const auto& [name, value] : reply.headers) response->set_header(name, value);
  if (reply.stream) {
    response->set_chunked_content_provider(
        reply.content_type, [stream = std::move(reply.stream)](size_t, httplib::DataSink& sink) {
          const auto write = [&sink](std::string_view text) {
            return sink.is_writable() && sink.write(text.data(), text.size());
          };
          if (!stream(write)) sink.done();
          return sink.is_writable();
        });
    return;
  }
  if (reply.body.empty()) {
    if (!reply.content_type.empty()) response->set_header("Content-Type", reply.content_type);
    return;
  }
  if (Compresses(reply)) {
    response->set_header("Vary", "Accept-Encoding");
    if (TakesGzip(request)) {
      Compress(&reply);
      if (reply.gzip) {
        response->set_header("Content-Encoding", "gzip");
        return SetBody(reply.gzip, reply.content_type, response);
      }
    }
  }
  SetBody(std::make_shared<const std::string>(std::move(reply.body)), reply.content_type, response);
}

// GET is answered before the library looks for routes, whose patterns are regular expressions.
void AddHandler(httplib::Server& server, const HttpServer::Handler& handler) {
  const auto answer = [handler](const httplib::Request& request, httplib::Response& response) {
    const HttpRequest ours = FromLibrary(request);
    ToLibrary(ours, handler(ours), &response);
  };
  server.set_pre_routing_handler(
      [answer](const httplib::Request& request, httplib::Response& response) {
        using Response = httplib::Server::HandlerResponse;
        if (request.method != "GET" && request.method != "HEAD") return Response::Unhandled;
        answer(request, response);
        return Response::Handled;
      });
  server.Post(".*", answer);
  server.set_exception_handler([](const httplib::Request&, httplib::Response& response,
                                  const std::exception_ptr&) { response.status = 500; });
}

}  // namespace

void Compress(HttpReply* reply) {
  if (reply->gzip || !Compresses(*reply)) return;
  std::string packed = Gzip(reply->body);
  if (!packed.empty()) reply->gzip = std::make_shared<const std::string>(std::move(packed));
}

std::string HttpRequest::Header(std::string_view name) const {
  for (const auto& [known, value] : headers) {
    if (known == name) return value;
  }
  return "";
}

Result<std::unique_ptr<HttpServer>> HttpServer::Start(const Address& address, Handler handler) {
  auto impl = std::make_unique<Impl>();
  Configure(impl->server);
  AddHandler(impl->server, [handler = std::move(handler)](const HttpRequest& request) {
    if (request.path == kUpPath) return HttpReply{200, "text/plain; charset=utf-8", "up\n"};
    return handler(request);
  });
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
  const auto answer = probe.Get(kUpPath);
  std::unique_ptr<HttpServer> out(new HttpServer(std::move(impl)));
  if (!answer) {
    return Unavailable(fmt::format("the HTTP port {} does not answer", address.ToString()));
  }
  return out;
}

}  // namespace koeval::service
