// The model hub over its real protocol.
#include "scheduler/service/client_hub.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "tests/common/hub/fake_hub.h"
#include "tests/scheduler/service/harness.h"

namespace koeval::service {
namespace {

TEST(ClientHub, WithoutAnEndpointThereIsNone) {
  const auto made = MakeModelHub({});
  ASSERT_TRUE(made.ok());
  EXPECT_EQ(*made, nullptr);
  EXPECT_FALSE(
      MakeModelHub({.endpoint = "ftp://hub", .token_file = "", .accept_tokens = false}).ok());
}

TEST(ClientHub, RepositoriesAreResolvedAndTokensAreNames) {
  hub::FakeHub fake;
  hub::FakeRepository repository;
  repository.id = "org/name";
  repository.files = {{"config.json", "{}"}};
  repository.gated = true;
  const std::string commit = fake.Add(repository);
  fake.AddToken("hf_leaderboard", "leaderboard", {"org/name"});
  fake.AddToken("hf_ann", "ann");
  TempDir dir;
  WriteText(dir.path("token"), "hf_leaderboard\n");
  std::filesystem::permissions(dir.path("token"), std::filesystem::perms(0600));
  const auto made = MakeModelHub(
      {.endpoint = fake.endpoint(), .token_file = dir.path("token"), .accept_tokens = true});
  ASSERT_TRUE(made.ok()) << made.status().ToString();
  const auto opened = (*made)->Open("org/name", "main");
  ASSERT_TRUE(opened.ok()) << opened.status().ToString();
  EXPECT_EQ((*opened)->info().commit, commit);
  EXPECT_TRUE((*opened)->ReadFile("config.json", 100).ok());
  EXPECT_EQ((*made)->Open("org/other", "main").status().code(), Code::kNotFound);
  const auto account = (*made)->AccountOf("hf_ann");
  ASSERT_TRUE(account.ok()) << account.status().ToString();
  EXPECT_EQ(*account, "ann");
  const auto unknown = (*made)->AccountOf("hf_eve");
  EXPECT_EQ(unknown.status().code(), Code::kUnauthenticated);
  EXPECT_EQ(unknown.status().message().find("hf_eve"), std::string::npos);
  (*made)->Stop();
  EXPECT_FALSE((*made)->Open("org/name", "main").ok());
}

}  // namespace
}  // namespace koeval::service
