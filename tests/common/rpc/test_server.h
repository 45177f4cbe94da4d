// A real server that asks the Authenticator about every call, and a client for it.
#pragma once

#include <grpcpp/server.h>

#include <memory>
#include <string>

#include "common/base/status.h"
#include "common/rpc/auth.h"
#include "common/rpc/credentials.h"

namespace koeval::rpc {

// Lives until the process ends: what deploy/make-test-ca.sh makes, in a temporary folder.
class TestCa {
 public:
  // Makes a new authority. Aborts when the script fails.
  TestCa();
  ~TestCa();
  TestCa(const TestCa&) = delete;
  TestCa& operator=(const TestCa&) = delete;
  std::string File(const std::string& name) const { return folder_ + "/" + name; }
  // A private file of this text in the folder.
  std::string Write(const std::string& name, const std::string& text) const;
  ServerCredentialFiles Server(bool mutual) const;
  // With the certificate of `name`, "" for none.
  ClientCredentialFiles Client(const std::string& name) const;

 private:
  std::string folder_;
};

class TestServer {
 public:
  TestServer(const ServerCredentialFiles& files, const AuthOptions& options);
  ~TestServer();
  TestServer(const TestServer&) = delete;
  TestServer& operator=(const TestServer&) = delete;

  std::string address() const;  // 127.0.0.1:port
  Authenticator& authenticator() { return *authenticator_; }

 private:
  class Service;
  std::unique_ptr<Authenticator> authenticator_;
  std::unique_ptr<Service> service_;
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
};

// One call that needs `needed`; the answer is who the server takes the caller for: "name role",
// with " local" where no authentication is configured.
Result<std::string> Ask(const TestServer& server, const ClientCredentialFiles& files, Role needed);

}  // namespace koeval::rpc
