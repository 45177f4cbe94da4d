// Roles, token files, and where one may listen.
#include "common/rpc/auth.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <string>

#include "common/base/file.h"

namespace koeval::rpc {
namespace {

class TokenFileTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "koeval-auth-XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
    path_ = folder_ + "/tokens";
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  Result<TokenTable> Load(const std::string& text, uint32_t mode = 0600) {
    EXPECT_TRUE(WriteFileAtomically(path_, text, mode).ok());
    EXPECT_EQ(::chmod(path_.c_str(), mode), 0);
    return TokenTable::Load(path_);
  }

  // The text is refused, at `line`, with `word` in the message and no token in it.
  void ExpectRefused(const std::string& text, int line, const std::string& word) {
    const auto table = Load(text);
    ASSERT_FALSE(table.ok());
    EXPECT_EQ(table.status().code(), Code::kInvalidArgument);
    const std::string& message = table.status().message();
    EXPECT_NE(message.find(path_ + ":" + std::to_string(line) + ":"), std::string::npos) << message;
    EXPECT_NE(message.find(word), std::string::npos) << message;
    EXPECT_EQ(message.find("secret"), std::string::npos) << message;
  }

  std::string folder_, path_;
};

TEST_F(TokenFileTest, EveryLineIsAnOwner) {
  const auto table = Load(
      "# who may do what\n"
      "\n"
      "alice operator secret-of-alice-0001\n"
      "  ci\tsubmitter  secret-of-ci-000001  \r\n"
      "   # node tokens\n"
      "node-1 worker secret-of-node-0001");
  ASSERT_TRUE(table.ok()) << table.status().ToString();
  EXPECT_EQ(table->size(), 3u);
  const auto alice = table->Find("secret-of-alice-0001");
  ASSERT_TRUE(alice.has_value());
  EXPECT_EQ(alice->name, "alice");
  EXPECT_EQ(alice->role, Role::kOperator);
  EXPECT_FALSE(alice->is_local);
  EXPECT_EQ(table->Find("secret-of-ci-000001")->role, Role::kSubmitter);
  EXPECT_EQ(table->Find("secret-of-node-0001")->role, Role::kWorker);
}

TEST_F(TokenFileTest, NearMissesAreUnknown) {
  const auto table = Load("alice operator secret-of-alice-0001\n");
  ASSERT_TRUE(table.ok());
  for (const char* token : {"", "secret-of-alice-000", "secret-of-alice-00011",
                            "Secret-of-alice-0001", "alice", "secret-of-alice-0001 "}) {
    EXPECT_FALSE(table->Find(token).has_value()) << token;
  }
}

TEST_F(TokenFileTest, BadLinesAreRefusedByNumber) {
  ExpectRefused("a reader secret-000000001\nb owner secret-000000002\n", 2, "role");
  ExpectRefused("a reader secret-short\n", 1, "16 characters");
  ExpectRefused("a reader\n", 1, "16 characters");
  ExpectRefused("#\n\nsecret-0000000001\n", 3, "role");
  ExpectRefused("a reader secret-000000001 secret-more\n", 1, "name role token");
  ExpectRefused("a reader secret-000000001\na worker secret-000000002\n", 2, "name");
  ExpectRefused("a reader secret-000000001\nb worker secret-000000001\n", 2, "token");
}

TEST_F(TokenFileTest, FileThatOthersCanReadIsRefused) {
  for (const uint32_t mode : {0640u, 0604u, 0644u, 0660u, 0610u}) {
    const auto table = Load("a reader secret-000000001\n", mode);
    ASSERT_FALSE(table.ok()) << mode;
    EXPECT_EQ(table.status().code(), Code::kFailedPrecondition);
    EXPECT_NE(table.status().message().find("chmod 600 " + path_), std::string::npos);
  }
  EXPECT_TRUE(Load("a reader secret-000000001\n", 0400).ok());
}

TEST_F(TokenFileTest, MissingFileIsNotFound) {
  EXPECT_EQ(TokenTable::Load(folder_ + "/none").status().code(), Code::kNotFound);
}

TEST_F(TokenFileTest, AuthenticatorNeedsAToken) {
  ASSERT_TRUE(WriteFileAtomically(path_, "# nobody\n", 0600).ok());
  const auto authenticator = Authenticator::Create({path_, false});
  EXPECT_EQ(authenticator.status().code(), Code::kFailedPrecondition);
  EXPECT_NE(authenticator.status().message().find(path_), std::string::npos);
}

TEST(Roles, NamesAreReadBack) {
  for (const Role role : {Role::kReader, Role::kSubmitter, Role::kOperator, Role::kWorker}) {
    EXPECT_EQ(ParseRole(RoleName(role)), role);
  }
  EXPECT_FALSE(ParseRole("").has_value());
  EXPECT_FALSE(ParseRole("Reader").has_value());
}

TEST(Roles, ClientRolesIncludeTheLowerOnesAndWorkerStandsApart) {
  const auto allowed = [](Role has, Role needs) {
    const Status status = CheckRole({"someone", has, false}, needs);
    EXPECT_TRUE(status.ok() || status.code() == Code::kPermissionDenied);
    return status.ok();
  };
  const std::vector<Role> clients = {Role::kReader, Role::kSubmitter, Role::kOperator};
  for (size_t has = 0; has < clients.size(); ++has) {
    for (size_t needs = 0; needs < clients.size(); ++needs) {
      EXPECT_EQ(allowed(clients[has], clients[needs]), has >= needs);
    }
    EXPECT_FALSE(allowed(clients[has], Role::kWorker));
    EXPECT_FALSE(allowed(Role::kWorker, clients[has]));
    EXPECT_TRUE(CheckRole({"local", Role::kOperator, true}, clients[has]).ok());
  }
  EXPECT_TRUE(allowed(Role::kWorker, Role::kWorker));
  EXPECT_TRUE(CheckRole({"local", Role::kOperator, true}, Role::kWorker).ok());
}

TEST(Roles, RefusalNamesBothRoles) {
  const Status status = CheckRole({"bob", Role::kReader, false}, Role::kOperator);
  EXPECT_EQ(status.message(), "bob has the role reader, but this call needs operator");
}

TEST(Loopback, AddressesOfThisMachineAlone) {
  for (const char* address : {"127.0.0.1:7711", "127.8.9.10:1", "127.0.0.1", "localhost:80",
                              "localhost", "[::1]:7711", "unix:/run/koeval.sock"}) {
    EXPECT_TRUE(IsLoopback(address)) << address;
  }
  for (const char* address :
       {"0.0.0.0:7711", "[::]:7711", "192.168.0.1:1", "128.0.0.1:1", "example.org:1",
        "127.0.0.1.example.org:1", "localhost.example.org:1", "", ":7711", "*:7711", "[::2]:1",
        "127.0.0.1@example.org:1", "[::ffff:1.2.3.4]:1"}) {
    EXPECT_FALSE(IsLoopback(address)) << address;
  }
}

TEST(ListenAddress, NeedsTlsAndAuthenticationBeyondTheLoopback) {
  const auto code = [](const char* address, bool tls, bool auth, std::string_view words) {
    return CheckListenAddress(address, tls, auth, words).code();
  };
  EXPECT_EQ(code("127.0.0.1:7711", false, false, ""), Code::kOk);
  EXPECT_EQ(code("unix:/run/k.sock", false, false, ""), Code::kOk);
  EXPECT_EQ(code("0.0.0.0:7711", true, true, ""), Code::kOk);
  EXPECT_EQ(code("0.0.0.0:7711", false, false, ""), Code::kFailedPrecondition);
  EXPECT_EQ(code("0.0.0.0:7711", true, false, ""), Code::kFailedPrecondition);
  EXPECT_EQ(code("0.0.0.0:7711", false, true, ""), Code::kFailedPrecondition);
  EXPECT_EQ(code("0.0.0.0:7711", false, false, "true"), Code::kFailedPrecondition);
  EXPECT_EQ(code("0.0.0.0:7711", false, false, kOpenToAnyone), Code::kOk);
}

TEST(ListenAddress, RefusalNamesTheRemedy) {
  const std::string message = CheckListenAddress("10.0.0.1:7711", false, false, "").message();
  for (const char* part : {"10.0.0.1:7711", "tls", "token_file", "127.0.0.1", "insecure_listen"}) {
    EXPECT_NE(message.find(part), std::string::npos) << part;
  }
  EXPECT_NE(message.find(kOpenToAnyone), std::string::npos);
}

}  // namespace
}  // namespace koeval::rpc
