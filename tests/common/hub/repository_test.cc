// Names that are sound and names that are not; a plain directory as a repository.
#include "common/hub/repository.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <vector>

#include "tests/common/temp_folder.h"

namespace koeval::hub {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;

void Write(const std::string& path, const std::string& text) {
  fs::create_directories(fs::path(path).parent_path());
  std::ofstream(path, std::ios::binary) << text;
}

TEST(RepositoryNameTest, IdsAreThoseOfTheHub) {
  for (const char* id : {"gpt2", "org/name", "a/b", "Org-1/na.me_2-x", "openai-community/gpt2"}) {
    EXPECT_TRUE(CheckRepositoryId(id).ok()) << id;
  }
  for (const char* id :
       {"", "/", "org/", "/name", "a/b/c", "../x", "a/..", "a/.b", "a/b.", "-a/b", "a/b-", "a--b/c",
        "a/b..c", "a/b.git", "a b/c", "a/b\n", "a/b%2f", "a/b?x", "org/\xec\xa2\x8b"}) {
    EXPECT_EQ(CheckRepositoryId(id).code(), Code::kInvalidArgument) << id;
  }
  EXPECT_TRUE(CheckRepositoryId(std::string(96, 'a')).ok());
  EXPECT_FALSE(CheckRepositoryId(std::string(97, 'a')).ok());
}

TEST(RepositoryNameTest, RevisionsStayInTheirPlace) {
  for (const char* revision : {"main", "v1.0", "refs/pr/12", "feature/x_y", "1a2b"}) {
    EXPECT_TRUE(CheckRevision(revision).ok()) << revision;
  }
  for (const char* revision :
       {"", "/main", "main/", "a//b", "..", "a/../b", ".git", "-x", "a b", "a\n", "a?b", "a%2fb"}) {
    EXPECT_EQ(CheckRevision(revision).code(), Code::kInvalidArgument) << revision;
  }
  EXPECT_TRUE(IsCommit(std::string(40, 'a')));
  EXPECT_FALSE(IsCommit(std::string(40, 'A')));
  EXPECT_FALSE(IsCommit(std::string(39, 'a')));
}

TEST(RepositoryNameTest, FilePathsStayBelowTheRoot) {
  for (const char* path : {"config.json", "a/b/c.json", ".gitattributes", "\xed\x95\x9c.txt"}) {
    EXPECT_TRUE(CheckFilePath(path).ok()) << path;
  }
  for (const char* path : {"", "/etc/passwd", "..", "../x", "a/../../x", "a/./b", "a//b", "a/",
                           "a\\b", "a\nb", "a\x7f", "\xff"}) {
    EXPECT_EQ(CheckFilePath(path).code(), Code::kInvalidArgument) << path;
  }
  EXPECT_FALSE(CheckFilePath(std::string("a\0b", 3)).ok());
}

class DirectoryTest : public ::testing::Test {
 protected:
  TempFolder folder_;
};

TEST_F(DirectoryTest, ListsFilesByPathAndReadsThem) {
  Write(folder_.File("config.json"), "{}");
  Write(folder_.File("sub/b.txt"), "0123456789");
  Write(folder_.File(".git/HEAD"), "ref");
  fs::create_symlink(folder_.File("sub/b.txt"), folder_.File("link.txt"));
  const auto repository = OpenDirectory(folder_.path());
  ASSERT_TRUE(repository.ok()) << repository.status().ToString();
  std::vector<std::string> paths;
  for (const RepositoryFile& file : (*repository)->info().files) paths.push_back(file.path);
  EXPECT_THAT(paths, ElementsAre("config.json", "link.txt", "sub/b.txt"));
  EXPECT_EQ((*repository)->info().id, folder_.path());
  EXPECT_EQ((*repository)->info().commit, "");
  EXPECT_FALSE((*repository)->info().last_modified.empty());
  ASSERT_NE((*repository)->Find("sub/b.txt"), nullptr);
  EXPECT_EQ((*repository)->Find("sub/b.txt")->size, 10);
  EXPECT_EQ((*repository)->Find("sub"), nullptr);

  EXPECT_EQ((*repository)->ReadFile("link.txt", 10).value(), "0123456789");
  EXPECT_EQ((*repository)->ReadFile("link.txt", 9).status().code(), Code::kOutOfRange);
  EXPECT_EQ((*repository)->ReadFile("none", 9).status().code(), Code::kNotFound);
  EXPECT_EQ((*repository)->ReadFile("../x", 9).status().code(), Code::kInvalidArgument);
}

TEST_F(DirectoryTest, RangesAreExactOrRefused) {
  Write(folder_.File("f"), "0123456789");
  const auto repository = OpenDirectory(folder_.path()).value();
  EXPECT_EQ(repository->ReadRange("f", 2, 3).value(), "234");
  EXPECT_EQ(repository->ReadRange("f", 10, 0).value(), "");
  EXPECT_EQ(repository->ReadRange("f", 8, 3).status().code(), Code::kOutOfRange);
  EXPECT_EQ(repository->ReadRange("f", ~uint64_t{0}, 2).status().code(), Code::kOutOfRange);
  fs::resize_file(folder_.File("f"), 4);
  EXPECT_EQ(repository->ReadRange("f", 2, 3).status().code(), Code::kAborted);
}

TEST_F(DirectoryTest, TheCardsHeadGivesLicenceBaseModelsAndTags) {
  Write(folder_.File("README.md"),
        "---\nlicense: other\nlicense_name: mine\nlicense_link: LICENSE\n"
        "base_model:\n- a/b\n- c/d\ntags: [x, merge]\n---\n# A model\n");
  const auto repository = OpenDirectory(folder_.path()).value();
  const RepositoryInfo& info = repository->info();
  EXPECT_EQ(info.license, "other");
  EXPECT_EQ(info.license_name, "mine");
  EXPECT_EQ(info.license_link, "LICENSE");
  EXPECT_THAT(info.base_models, ElementsAre("a/b", "c/d"));
  EXPECT_THAT(info.tags, ElementsAre("x", "merge"));
}

TEST_F(DirectoryTest, ACardThatIsNoYamlGivesNothing) {
  Write(folder_.File("README.md"), "---\nlicense: mit\n\tbase_model: [a\n---\n");
  EXPECT_EQ(OpenDirectory(folder_.path()).value()->info().license, "");
  Write(folder_.File("README.md"), "no head");
  EXPECT_EQ(OpenDirectory(folder_.path()).value()->info().license, "");
}

TEST_F(DirectoryTest, WhatIsNoDirectoryIsNotFound) {
  EXPECT_EQ(OpenDirectory(folder_.File("none")).status().code(), Code::kNotFound);
  Write(folder_.File("f"), "");
  EXPECT_EQ(OpenDirectory(folder_.File("f")).status().code(), Code::kNotFound);
}

TEST(RepositoryTest, EachFailureHasItsEnding) {
  EXPECT_EQ(EndingOf(NotFound("")), Ending::kModelNotFound);
  EXPECT_EQ(EndingOf(PermissionDenied("")), Ending::kModelGated);
  EXPECT_EQ(EndingOf(Unauthenticated("")), Ending::kModelGated);
  EXPECT_EQ(EndingOf(ResourceExhausted("")), Ending::kDiskFull);
  EXPECT_EQ(EndingOf(Unavailable("")), Ending::kHubUnavailable);
  EXPECT_EQ(EndingOf(DataLoss("")), Ending::kHubUnavailable);
  EXPECT_EQ(EndingOf(Status(Code::kCancelled, "")), Ending::kHandedBack);
}

}  // namespace
}  // namespace koeval::hub
