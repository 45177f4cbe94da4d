// The server, its one question, and the script that makes certificates.
#include "tests/common/rpc/test_server.h"

#include <grpcpp/server_builder.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "common/base/file.h"
#include "common/rpc/status_convert.h"
#include "koeval/v1/cluster.grpc.pb.h"

namespace koeval::rpc {

// Drain stands for any call: `reason` names the role that it needs.
class TestServer::Service final : public v1::ClusterService::Service {
 public:
  explicit Service(const Authenticator& authenticator) : authenticator_(authenticator) {}

  grpc::Status Drain(grpc::ServerContext* context, const v1::DrainRequest* request,
                     v1::DrainResponse* response) override {
    const auto identity = authenticator_.Authenticate(*context);
    if (!identity.ok()) return ToGrpc(identity.status());
    const Status allowed = CheckRole(*identity, ParseRole(request->reason()).value());
    if (!allowed.ok()) return ToGrpc(allowed);
    response->mutable_worker()->set_id(identity->name + " " +
                                       std::string(RoleName(identity->role)) +
                                       (identity->is_local ? " local" : ""));
    return grpc::Status::OK;
  }

 private:
  const Authenticator& authenticator_;
};

TestCa::TestCa() {
  std::string name = testing::TempDir() + "koeval-ca-XXXXXX";
  KOEVAL_CHECK(::mkdtemp(name.data()) != nullptr, "mkdtemp");
  folder_ = name;
  const char* source = std::getenv("KOEVAL_SOURCE_DIR");
  KOEVAL_CHECK(source != nullptr, "KOEVAL_SOURCE_DIR names the source tree");
  const std::string command =
      "'" + std::string(source) + "/deploy/make-test-ca.sh' '" + folder_ + "'";
  KOEVAL_CHECK(std::system(command.c_str()) == 0, "deploy/make-test-ca.sh");
}

TestCa::~TestCa() {
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

std::string TestCa::Write(const std::string& name, const std::string& text) const {
  const std::string path = File(name);
  KOEVAL_CHECK(WriteFileAtomically(path, text, 0600).ok(), "a file of the test");
  return path;
}

ServerCredentialFiles TestCa::Server(bool mutual) const {
  return {File("server.pem"), File("server.key"), mutual ? File("ca.pem") : ""};
}

ClientCredentialFiles TestCa::Client(const std::string& name) const {
  ClientCredentialFiles files;
  files.ca_file = File("ca.pem");
  if (name.empty()) return files;
  files.cert_file = File(name + ".pem");
  files.key_file = File(name + ".key");
  return files;
}

TestServer::TestServer(const ServerCredentialFiles& files, const AuthOptions& options) {
  auto authenticator = Authenticator::Create(options);
  KOEVAL_CHECK(authenticator.ok(), authenticator.status().message().c_str());
  authenticator_ = *std::move(authenticator);
  service_ = std::make_unique<Service>(*authenticator_);
  const auto credentials = LoadServerCredentials(files);
  KOEVAL_CHECK(credentials.ok(), credentials.status().message().c_str());
  grpc::ServerBuilder builder;
  builder.AddListeningPort("127.0.0.1:0", *credentials, &port_);
  builder.RegisterService(service_.get());
  server_ = builder.BuildAndStart();
  KOEVAL_CHECK(server_ != nullptr && port_ > 0, "the test server starts");
}

TestServer::~TestServer() {
  server_->Shutdown();
  server_->Wait();
}

std::string TestServer::address() const {
  return "127.0.0.1:" + std::to_string(port_);
}

Result<std::string> Ask(const TestServer& server, const ClientCredentialFiles& files, Role needed) {
  ASSIGN_OR_RETURN(const ClientCredentials credentials, LoadClientCredentials(files));
  ASSIGN_OR_RETURN(const auto channel, credentials.Dial(server.address(), {}));
  const auto stub = v1::ClusterService::NewStub(channel);
  grpc::ClientContext context;
  credentials.Prepare(context);
  v1::DrainRequest request;
  request.set_reason(std::string(RoleName(needed)));
  v1::DrainResponse response;
  const grpc::Status status = stub->Drain(&context, request, &response);
  if (!status.ok()) return FromGrpc(status);
  return response.worker().id();
}

}  // namespace koeval::rpc
