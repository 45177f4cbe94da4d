// What the hub says about repositories, and what its refusals mean.
#include "common/hub/hub_client.h"

#include <gmock/gmock.h>

#include "common/hub/digest.h"
#include "common/hub/hub_info.h"
#include "tests/common/hub/hub_fixture.h"

namespace koeval::hub {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using enum RepositoryKind;

class HubClientTest : public HubFixture {
 protected:
  Result<std::unique_ptr<Repository>> Open(const std::string& id, const std::string& revision,
                                           const std::string& token = "") {
    return HubClient::Open(MakeClient(token), kModel, id, revision, std::make_shared<Cancel>());
  }
};

TEST_F(HubClientTest, ARevisionResolvesToItsCommitWithFilesAndCard) {
  const std::string commit = AddModel();
  const auto info = MakeClient()->Info(kModel, "org/name", "main", cancel_);
  ASSERT_TRUE(info.ok()) << info.status().ToString();
  EXPECT_EQ(info->id, "org/name");
  EXPECT_EQ(info->commit, commit);
  EXPECT_EQ(info->license, "apache-2.0");
  EXPECT_THAT(info->base_models, ElementsAre("a/b"));
  EXPECT_THAT(info->tags, ElementsAre("text-generation"));
  EXPECT_EQ(info->likes, 7);
  EXPECT_FALSE(info->gated);
  EXPECT_FALSE(info->is_private);
  EXPECT_EQ(info->last_modified, "2024-08-12T09:30:00.000Z");
  ASSERT_EQ(info->files.size(), 2u);
  EXPECT_EQ(info->files[0].path, "config.json");
  EXPECT_EQ(info->files[0].size, 23);
  EXPECT_FALSE(info->files[0].is_lfs);
  EXPECT_EQ(info->files[1].path, "model.safetensors");
  EXPECT_TRUE(info->files[1].is_lfs);
  EXPECT_EQ(info->files[1].digest, DigestOf(true, Bytes(300'000)));
}

TEST_F(HubClientTest, OlderCommitsAndTagsStay) {
  const std::string first = AddModel();
  FakeRepository changed = Model("org/name");
  changed.files["config.json"] = "{}";
  const std::string second = hub_.Add(changed);
  hub_.Tag("org/name", "refs/pr/1", first);
  const auto client = MakeClient();
  EXPECT_EQ(client->Info(kModel, "org/name", "main", cancel_)->commit, second);
  EXPECT_EQ(client->Info(kModel, "org/name", first, cancel_)->commit, first);
  EXPECT_EQ(client->Info(kModel, "org/name", "refs/pr/1", cancel_)->commit, first);
}

TEST_F(HubClientTest, FilesAreReadAtTheCommitThatWasResolved) {
  AddModel();
  const auto repository = Open("org/name", "main");
  ASSERT_TRUE(repository.ok()) << repository.status().ToString();
  FakeRepository changed = Model("org/name");
  changed.files["config.json"] = "{\"model_type\": \"other\"}";
  hub_.Add(changed);
  EXPECT_EQ((*repository)->ReadFile("config.json", 100).value(), "{\"model_type\": \"llama\"}");
  EXPECT_EQ((*repository)->ReadFile("config.json", 10).status().code(), Code::kOutOfRange);
  EXPECT_EQ((*repository)->ReadFile("none.json", 10).status().code(), Code::kNotFound);
  EXPECT_EQ((*repository)->ReadRange("model.safetensors", 1000, 50).value(),
            Bytes(300'000).substr(1000, 50));
  EXPECT_EQ((*repository)->ReadRange("model.safetensors", 299'999, 2).status().code(),
            Code::kOutOfRange);
}

TEST_F(HubClientTest, AnAnswerOfAnotherCommitIsAborted) {
  AddModel();
  const auto repository = Open("org/name", "main").value();
  // Another server's stale copy, say: the bytes come with the name of another commit.
  hub_.Misbehave(
      FakeHub::Redirect("hub /org/name/resolve", "/org/other/resolve/main/config.json", 1));
  FakeRepository other = Model("org/other");
  other.likes = 8;
  hub_.Add(other);
  hub_.Add(other);
  const auto read = repository->ReadFile("config.json", 100);
  EXPECT_EQ(read.status().code(), Code::kAborted) << read.status().ToString();
}

TEST_F(HubClientTest, DamagedBytesAreCaught) {
  AddModel();
  const auto repository = Open("org/name", "main").value();
  hub_.Misbehave(FakeHub::Flip("config.json", 4));
  EXPECT_EQ(repository->ReadFile("config.json", 100).status().code(), Code::kDataLoss);
  EXPECT_TRUE(repository->ReadFile("config.json", 100).ok());
}

TEST_F(HubClientTest, WhatDoesNotExistIsNotFound) {
  AddModel();
  const auto client = MakeClient();
  const Status model = client->Info(kModel, "org/none", "main", cancel_).status();
  EXPECT_EQ(model.code(), Code::kNotFound);
  EXPECT_THAT(model.message(), HasSubstr("model org/none at main does not exist on the hub"));
  const Status revision = client->Info(kModel, "org/name", "v9", cancel_).status();
  EXPECT_EQ(revision.code(), Code::kNotFound);
  EXPECT_THAT(revision.message(), HasSubstr("check the revision"));
  EXPECT_EQ(client->Info(kDataset, "org/name", "main", cancel_).status().code(), Code::kNotFound);
}

TEST_F(HubClientTest, NamesAreCheckedBeforeAnythingIsAsked) {
  const auto client = MakeClient();
  EXPECT_EQ(client->Info(kModel, "../etc", "main", cancel_).status().code(),
            Code::kInvalidArgument);
  EXPECT_EQ(client->Info(kModel, "a/b", "../x", cancel_).status().code(), Code::kInvalidArgument);
  EXPECT_TRUE(hub_.Requests().empty());
}

TEST_F(HubClientTest, AGateOpensToATokenWithAccess) {
  FakeRepository gated = Model("org/gated");
  gated.gated = true;
  hub_.Add(gated);
  hub_.AddToken("hf_yes", "friend", {"org/gated"});
  hub_.AddToken("hf_no", "stranger");
  EXPECT_TRUE(MakeClient()->Info(kModel, "org/gated", "main", cancel_)->gated);
  for (const char* token : {"", "hf_no"}) {
    const auto repository = Open("org/gated", "main", token).value();
    const Status status = repository->ReadFile("config.json", 100).status();
    EXPECT_EQ(status.code(), Code::kPermissionDenied) << status.ToString();
    EXPECT_THAT(status.message(), HasSubstr("gated"));
  }
  EXPECT_TRUE(Open("org/gated", "main", "hf_yes").value()->ReadFile("config.json", 100).ok());
}

TEST_F(HubClientTest, APrivateModelIsSeenByItsFriendsAlone) {
  FakeRepository hidden = Model("org/hidden");
  hidden.is_private = true;
  hub_.Add(hidden);
  hub_.AddToken("hf_yes", "friend", {"org/hidden"});
  EXPECT_EQ(MakeClient()->Info(kModel, "org/hidden", "main", cancel_).status().code(),
            Code::kNotFound);
  EXPECT_TRUE(MakeClient("hf_yes")->Info(kModel, "org/hidden", "main", cancel_)->is_private);
}

TEST_F(HubClientTest, AnUnknownTokenIsNamedWithoutBeingShown) {
  AddModel();
  const Status status = MakeClient("hf_wrong")->Info(kModel, "org/name", "main", cancel_).status();
  EXPECT_EQ(status.code(), Code::kUnauthenticated);
  EXPECT_THAT(status.message(), AllOf(HasSubstr("token"), Not(HasSubstr("hf_wrong"))));
}

TEST_F(HubClientTest, ATokenNamesItsHolder) {
  hub_.AddToken("hf_yes", "friend", {"lab/a", "lab/b"});
  const auto client = MakeClient();
  const auto account = client->WhoAmI("hf_yes", cancel_);
  ASSERT_TRUE(account.ok()) << account.status().ToString();
  EXPECT_EQ(account->name, "friend");
  EXPECT_THAT(account->organisations, ElementsAre("lab"));
  EXPECT_EQ(client->WhoAmI("hf_no", cancel_).status().code(), Code::kUnauthenticated);
  EXPECT_EQ(client->WhoAmI("", cancel_).status().code(), Code::kUnauthenticated);
}

TEST_F(HubClientTest, DatasetsAreReadTheSameWay) {
  FakeRepository data;
  data.kind = kDataset;
  data.id = "org/data";
  data.files["data/test.jsonl"] = "{\"a\": 1}\n";
  hub_.Add(data);
  const auto repository =
      HubClient::Open(MakeClient(), kDataset, "org/data", "main", std::make_shared<Cancel>());
  ASSERT_TRUE(repository.ok()) << repository.status().ToString();
  EXPECT_EQ((*repository)->ReadFile("data/test.jsonl", 100).value(), "{\"a\": 1}\n");
}

TEST(HubInfoTest, AnswersThatAreNoneAreRefused) {
  const std::string good = R"({"id": "a/b", "sha": "0123456789012345678901234567890123456789",
      "siblings": [{"rfilename": "x", "size": 1,
                    "blobId": "0123456789012345678901234567890123456789"}]})";
  EXPECT_TRUE(ParseHubInfo(good, "it").ok());
  const auto with = [&](const std::string& from, const std::string& to) {
    std::string text = good;
    text.replace(text.find(from), from.size(), to);
    return ParseHubInfo(text, "it").status().code();
  };
  EXPECT_EQ(with("a/b", ".."), Code::kUnavailable);
  EXPECT_EQ(with("\"sha\": \"0", "\"sha\": \"X"), Code::kUnavailable);
  EXPECT_EQ(with("\"x\"", "\"../x\""), Code::kInvalidArgument);
  EXPECT_EQ(with("\"x\"", "\"/x\""), Code::kInvalidArgument);
  EXPECT_EQ(with("\"size\": 1", "\"size\": -1"), Code::kUnavailable);
  EXPECT_EQ(with("\"blobId\": \"0", "\"blobId\": \"/"), Code::kUnavailable);
  EXPECT_EQ(with("siblings", "brothers"), Code::kUnavailable);
  EXPECT_EQ(ParseHubInfo("<html>", "it").status().code(), Code::kUnavailable);
}

TEST(DigestTest, SmallFilesAreNamedAsGitNamesThem) {
  EXPECT_EQ(DigestOf(false, "hello\n"), "ce013625030ba8dba906f756967f9e9ca394464a");
  EXPECT_EQ(DigestOf(true, ""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

}  // namespace
}  // namespace koeval::hub
