// Tokens, against a real server.
#include <gtest/gtest.h>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>

#include <sstream>

#include "common/base/file.h"
#include "tests/common/rpc/test_server.h"

namespace koeval::rpc {
namespace {

constexpr const char* kTokens =
    "rita reader secret-of-rita-00001\n"
    "sam submitter secret-of-sam-000001\n"
    "olga operator secret-of-olga-00001\n"
    "node-1 worker secret-of-node-00001\n";

class TokenTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { ca_ = new TestCa(); }
  static void TearDownTestSuite() {
    delete ca_;
    ca_ = nullptr;
  }

  void SetUp() override { tokens_ = ca_->Write("tokens", kTokens); }

  // A client without TLS that holds `token`.
  static ClientCredentialFiles With(const std::string& token) {
    ClientCredentialFiles files;
    files.token_file = ca_->Write("token", token + "\n");
    return files;
  }

  static TestCa* ca_;
  std::string tokens_;
};
TestCa* TokenTest::ca_ = nullptr;

TEST_F(TokenTest, RightTokenIsItsOwner) {
  const TestServer server({}, {tokens_, false});
  EXPECT_EQ(*Ask(server, With("secret-of-rita-00001"), Role::kReader), "rita reader");
  EXPECT_EQ(*Ask(server, With("secret-of-sam-000001"), Role::kSubmitter), "sam submitter");
  EXPECT_EQ(*Ask(server, With("secret-of-olga-00001"), Role::kReader), "olga operator");
  EXPECT_EQ(*Ask(server, With("secret-of-node-00001"), Role::kWorker), "node-1 worker");
}

TEST_F(TokenTest, LineOfTheServersFileIsATokenFileToo) {
  const TestServer server({}, {tokens_, false});
  EXPECT_EQ(*Ask(server, With("sam submitter secret-of-sam-000001"), Role::kReader),
            "sam submitter");
}

TEST_F(TokenTest, WrongOrMissingTokenIsUnauthenticated) {
  const TestServer server({}, {tokens_, false});
  const auto wrong = Ask(server, With("secret-of-rita-00002"), Role::kReader);
  EXPECT_EQ(wrong.status().code(), Code::kUnauthenticated);
  const auto missing = Ask(server, {}, Role::kReader);
  EXPECT_EQ(missing.status().code(), Code::kUnauthenticated);
  EXPECT_NE(missing.status().message().find("--token-file"), std::string::npos);
}

TEST_F(TokenTest, TooLowARoleIsDenied) {
  const TestServer server({}, {tokens_, false});
  const auto denied = [&](const char* token, Role needed) {
    return Ask(server, With(token), needed).status().code() == Code::kPermissionDenied;
  };
  EXPECT_TRUE(denied("secret-of-rita-00001", Role::kSubmitter));
  EXPECT_TRUE(denied("secret-of-sam-000001", Role::kOperator));
  EXPECT_TRUE(denied("secret-of-olga-00001", Role::kWorker));
  EXPECT_TRUE(denied("secret-of-node-00001", Role::kReader));
}

TEST_F(TokenTest, TokenWorksOverTls) {
  const TestServer server(ca_->Server(false), {tokens_, false});
  ClientCredentialFiles files = With("secret-of-olga-00001");
  files.ca_file = ca_->File("ca.pem");
  EXPECT_EQ(*Ask(server, files, Role::kOperator), "olga operator");
}

TEST_F(TokenTest, TokenGoesBeforeTheCertificate) {
  const TestServer server(ca_->Server(true), {tokens_, true});
  ClientCredentialFiles files = ca_->Client("reader");
  EXPECT_EQ(*Ask(server, files, Role::kReader), "test-reader reader");
  files.token_file = ca_->Write("token", "secret-of-olga-00001");
  EXPECT_EQ(*Ask(server, files, Role::kOperator), "olga operator");
  files.token_file = ca_->Write("token", "secret-of-nobody-001");
  EXPECT_EQ(Ask(server, files, Role::kReader).status().code(), Code::kUnauthenticated);
}

TEST_F(TokenTest, ReloadChangesWhoMayCall) {
  TestServer server({}, {tokens_, false});
  ca_->Write("tokens", "nina reader secret-of-nina-00001\n");
  EXPECT_TRUE(Ask(server, With("secret-of-rita-00001"), Role::kReader).ok());
  ASSERT_TRUE(server.authenticator().Reload().ok());
  EXPECT_EQ(*Ask(server, With("secret-of-nina-00001"), Role::kReader), "nina reader");
  EXPECT_EQ(Ask(server, With("secret-of-rita-00001"), Role::kReader).status().code(),
            Code::kUnauthenticated);
}

TEST_F(TokenTest, ReloadOfABadFileKeepsTheOldTokens) {
  TestServer server({}, {tokens_, false});
  for (const char* text : {"nina king secret-of-nina-00001\n", "# nobody\n"}) {
    ca_->Write("tokens", text);
    EXPECT_FALSE(server.authenticator().Reload().ok());
    EXPECT_TRUE(Ask(server, With("secret-of-rita-00001"), Role::kReader).ok());
  }
}

TEST_F(TokenTest, TokenIsNotSentInTheClearOverANetwork) {
  const auto credentials = LoadClientCredentials(With("secret-of-rita-00001"));
  ASSERT_TRUE(credentials.ok());
  const auto channel = credentials->Dial("scheduler.example.org:7711", {});
  EXPECT_EQ(channel.status().code(), Code::kFailedPrecondition);
  EXPECT_NE(channel.status().message().find("tls"), std::string::npos);
  EXPECT_TRUE(credentials->Dial("127.0.0.1:7711", {}).ok());
  EXPECT_TRUE(ClientCredentials().Dial("scheduler.example.org:7711", {}).ok());
}

TEST_F(TokenTest, UnusableTokenFilesAreNamedWithoutTheirText) {
  const auto status = [](const std::string& text) {
    ClientCredentialFiles files;
    files.token_file = ca_->Write("token", text);
    return LoadClientCredentials(files).status();
  };
  for (const char* text : {"", "\n", "secret of many words", "secret nobody secret-0000000001"}) {
    EXPECT_EQ(status(text).code(), Code::kInvalidArgument);
    EXPECT_NE(status(text).message().find(ca_->File("token")), std::string::npos);
    EXPECT_EQ(status(text).message().find("secret"), std::string::npos);
  }
}

TEST_F(TokenTest, TokenIsInNoLogAndNoError) {
  std::ostringstream log;
  const auto before = spdlog::default_logger();
  auto logger = std::make_shared<spdlog::logger>(
      "test", std::make_shared<spdlog::sinks::ostream_sink_mt>(log));
  logger->set_level(spdlog::level::trace);
  spdlog::set_default_logger(logger);
  testing::internal::CaptureStderr();
  std::string seen;
  {
    TestServer server({}, {tokens_, false});
    for (const char* token :
         {"secret-of-rita-00001", "secret-of-rita-00002", "secret-of-node-00001"}) {
      for (const Role role : {Role::kReader, Role::kOperator, Role::kWorker}) {
        const auto answer = Ask(server, With(token), role);
        seen += answer.ok() ? *answer : answer.status().ToString();
      }
    }
    ca_->Write("tokens", "nina king secret-of-nina-00001\n");
    seen += server.authenticator().Reload().ToString();
    const TestServer tls(ca_->Server(true), {"", true});
    seen += Ask(tls, With("secret-of-rita-00001"), Role::kReader).status().ToString();
  }
  seen += testing::internal::GetCapturedStderr();
  spdlog::set_default_logger(before);
  seen += log.str();
  EXPECT_NE(seen.find("PERMISSION_DENIED"), std::string::npos);
  EXPECT_EQ(seen.find("secret"), std::string::npos) << seen;
}

}  // namespace
}  // namespace koeval::rpc
