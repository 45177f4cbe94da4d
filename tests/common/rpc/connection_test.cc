// TLS and client certificates, against a real server.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>

#include "common/base/file.h"
#include "tests/common/rpc/test_server.h"

namespace koeval::rpc {
namespace {

class ConnectionTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { ca_ = new TestCa(); }
  static void TearDownTestSuite() {
    delete ca_;
    ca_ = nullptr;
  }
  static TestCa* ca_;
};
TestCa* ConnectionTest::ca_ = nullptr;

TEST_F(ConnectionTest, KeysOfTheTestAuthorityArePrivate) {
  for (const auto& entry : std::filesystem::directory_iterator(ca_->File("."))) {
    if (entry.path().extension() != ".key") continue;
    struct stat info {};
    ASSERT_EQ(::stat(entry.path().c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777, 0600u) << entry.path();
  }
}

TEST_F(ConnectionTest, EveryRoleIsOpenToALocalCallerWithoutAuthentication) {
  const TestServer server({}, {});
  for (const Role role : {Role::kReader, Role::kSubmitter, Role::kOperator, Role::kWorker}) {
    const auto answer = Ask(server, {}, role);
    ASSERT_TRUE(answer.ok()) << answer.status().ToString();
    EXPECT_EQ(*answer, "local operator local");
  }
}

TEST_F(ConnectionTest, TlsServerIsProvenToTheClient) {
  const TestServer server(ca_->Server(false), {});
  const auto answer = Ask(server, ca_->Client(""), Role::kReader);
  EXPECT_TRUE(answer.ok()) << answer.status().ToString();
}

TEST_F(ConnectionTest, ServerOfAnotherAuthorityIsRefused) {
  const TestServer server(ca_->Server(false), {});
  const TestCa other;
  EXPECT_EQ(Ask(server, other.Client(""), Role::kReader).status().code(), Code::kUnavailable);
}

TEST_F(ConnectionTest, ServerOfAnotherNameIsRefused) {
  const TestServer server(ca_->Server(false), {});
  ClientCredentialFiles files = ca_->Client("");
  files.server_name = "scheduler.example.org";
  EXPECT_EQ(Ask(server, files, Role::kReader).status().code(), Code::kUnavailable);
  files.server_name = "localhost";
  EXPECT_TRUE(Ask(server, files, Role::kReader).ok());
}

TEST_F(ConnectionTest, ClientWithoutTlsIsRefusedByATlsServer) {
  const TestServer server(ca_->Server(false), {});
  EXPECT_EQ(Ask(server, {}, Role::kReader).status().code(), Code::kUnavailable);
}

TEST_F(ConnectionTest, CertificateNamesItsOwnerAndRole) {
  const TestServer server(ca_->Server(true), {"", true});
  for (const Role role : {Role::kReader, Role::kSubmitter, Role::kOperator, Role::kWorker}) {
    const std::string name(RoleName(role));
    const auto answer = Ask(server, ca_->Client(name), role);
    ASSERT_TRUE(answer.ok()) << answer.status().ToString();
    EXPECT_EQ(*answer, "test-" + name + " " + name);
  }
}

TEST_F(ConnectionTest, CertificateOfALowerRoleIsDenied) {
  const TestServer server(ca_->Server(true), {"", true});
  const auto denied = Ask(server, ca_->Client("reader"), Role::kSubmitter);
  EXPECT_EQ(denied.status().code(), Code::kPermissionDenied);
  EXPECT_NE(denied.status().message().find("test-reader"), std::string::npos);
  EXPECT_EQ(Ask(server, ca_->Client("operator"), Role::kWorker).status().code(),
            Code::kPermissionDenied);
  EXPECT_EQ(Ask(server, ca_->Client("worker"), Role::kReader).status().code(),
            Code::kPermissionDenied);
}

TEST_F(ConnectionTest, CertificateWithoutARoleIsNobody) {
  const TestServer server(ca_->Server(true), {"", true});
  EXPECT_EQ(Ask(server, ca_->Client("nobody"), Role::kReader).status().code(),
            Code::kUnauthenticated);
}

TEST_F(ConnectionTest, MutualTlsRefusesClientsWithoutACertificate) {
  const TestServer server(ca_->Server(true), {"", true});
  EXPECT_EQ(Ask(server, ca_->Client(""), Role::kReader).status().code(), Code::kUnavailable);
}

TEST_F(ConnectionTest, MutualTlsRefusesCertificatesOfAnotherAuthority) {
  const TestServer server(ca_->Server(true), {"", true});
  const TestCa other;
  ClientCredentialFiles files = other.Client("operator");
  files.ca_file = ca_->File("ca.pem");
  EXPECT_EQ(Ask(server, files, Role::kReader).status().code(), Code::kUnavailable);
}

TEST_F(ConnectionTest, KeysThatOthersCanReadAreRefused) {
  const std::string key = ca_->Write("open.key", ReadFile(ca_->File("server.key")).value());
  ASSERT_EQ(::chmod(key.c_str(), 0644), 0);
  const auto server = LoadServerCredentials({ca_->File("server.pem"), key, ""});
  EXPECT_EQ(server.status().code(), Code::kFailedPrecondition);
  EXPECT_NE(server.status().message().find("chmod 600 " + key), std::string::npos);
  ClientCredentialFiles files = ca_->Client("");
  files.cert_file = ca_->File("server.pem");
  files.key_file = key;
  EXPECT_EQ(LoadClientCredentials(files).status().code(), Code::kFailedPrecondition);
}

TEST_F(ConnectionTest, FilesThatDoNotFitAreNamed) {
  const auto error = [](const ServerCredentialFiles& files) {
    const auto credentials = LoadServerCredentials(files);
    return credentials.ok() ? "" : credentials.status().ToString();
  };
  const std::string cert = ca_->File("server.pem");
  const std::string key = ca_->File("server.key");
  const std::string empty = ca_->Write("empty.pem", "nothing\n");
  const std::string broken = ca_->Write("broken.pem", "-----BEGIN CERTIFICATE-----\nx\n");
  EXPECT_EQ(error({cert, key, ""}), "");
  EXPECT_NE(error({cert, ca_->File("reader.key"), ""}).find("does not belong"), std::string::npos);
  EXPECT_NE(error({empty, key, ""}).find(empty), std::string::npos);
  EXPECT_NE(error({broken, key, ""}).find(broken), std::string::npos);
  EXPECT_NE(error({cert, broken, ""}).find(broken), std::string::npos);
  EXPECT_NE(error({cert, key, empty}).find(empty), std::string::npos);
  EXPECT_NE(error({ca_->File("none"), key, ""}).find("NOT_FOUND"), std::string::npos);
  EXPECT_NE(error({cert, "", ""}).find("INVALID_ARGUMENT"), std::string::npos);
  EXPECT_NE(error({"", "", ca_->File("ca.pem")}).find("INVALID_ARGUMENT"), std::string::npos);
}

TEST_F(ConnectionTest, HalfAClientIdentityIsRefused) {
  ClientCredentialFiles files = ca_->Client("reader");
  files.key_file = "";
  EXPECT_EQ(LoadClientCredentials(files).status().code(), Code::kInvalidArgument);
  files = ca_->Client("reader");
  files.ca_file = "";
  EXPECT_EQ(LoadClientCredentials(files).status().code(), Code::kInvalidArgument);
}

}  // namespace
}  // namespace koeval::rpc
