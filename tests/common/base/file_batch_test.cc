// Batches of files: what is there after a commit, a refusal, and a kill at every step.
#include "common/base/file_batch.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "common/base/file.h"
#include "tests/common/temp_folder.h"

namespace koeval {
namespace {

namespace fs = std::filesystem;

// Every file below `root`, temporary ones too, with its bytes.
std::map<std::string, std::string> Contents(const std::string& root) {
  std::map<std::string, std::string> out;
  for (const auto& entry : fs::recursive_directory_iterator(root)) {
    if (entry.is_regular_file()) {
      out[fs::relative(entry.path(), root).string()] = ReadFile(entry.path().string()).value();
    }
  }
  return out;
}

std::string PathOf(size_t i) {
  return "org" + std::to_string(i % 3) + "/m" + std::to_string(i) + "/f.json";
}

// Adds `files` files whose bytes say which round wrote them.
Status AddRound(FileBatch& batch, size_t files, const std::string& round) {
  for (size_t i = 0; i < files; ++i) {
    RETURN_IF_ERROR(batch.Add(PathOf(i), round + " " + std::to_string(i)));
  }
  return OkStatus();
}

class OneFileBatchTest : public testing::Test {
 protected:
  const TempFolder folder_;
  const std::string root_ = folder_.File("out");
};

class FileBatchTest : public OneFileBatchTest, public testing::WithParamInterface<size_t> {};

TEST_P(FileBatchTest, FilesAreThereAfterTheCommitAlone) {
  {
    const auto batch = FileBatch::Open(root_);
    ASSERT_TRUE(batch.ok()) << batch.status().ToString();
    ASSERT_TRUE(AddRound(**batch, GetParam(), "one").ok());
    EXPECT_EQ((*batch)->size(), GetParam());
    EXPECT_FALSE(fs::exists(root_ + "/" + PathOf(0)));
    const auto refused = (*batch)->Commit();
    ASSERT_TRUE(refused.ok()) << refused.status().ToString();
    EXPECT_TRUE(refused->empty());
    EXPECT_EQ((*batch)->size(), 0u);
    ASSERT_TRUE((*batch)->Add(PathOf(0), "two").ok());
    ASSERT_TRUE((*batch)->Commit().ok());
    ASSERT_TRUE((*batch)->Add(PathOf(1), "never committed").ok());
  }
  const auto contents = Contents(root_);
  EXPECT_EQ(contents.size(), GetParam());
  EXPECT_EQ(contents.at(PathOf(0)), "two");
  EXPECT_EQ(contents.at(PathOf(1)), "one 1");
  for (const auto& entry : fs::directory_iterator(root_)) {
    EXPECT_FALSE(entry.path().filename().string().starts_with(".")) << entry.path();
  }
}

TEST_P(FileBatchTest, ContentsAreSyncedBeforeAndNamesAfterTheRenames) {
  using Step = FileBatch::Step;
  const auto batch = FileBatch::Open(root_);
  ASSERT_TRUE(batch.ok());
  std::vector<Step> steps;
  (*batch)->BeforeEachStep([&steps](Step step) { steps.push_back(step); });
  ASSERT_TRUE(AddRound(**batch, GetParam(), "one").ok());
  ASSERT_TRUE((*batch)->Commit().ok());
  std::vector<Step> expected = {Step::kSyncContents};
  expected.insert(expected.end(), GetParam(), Step::kRename);
  expected.push_back(Step::kSyncNames);
  EXPECT_EQ(steps, expected);
}

TEST_P(FileBatchTest, OneThatCannotBePlacedIsReturnedAndTheOthersAreDone) {
  fs::create_directories(root_ + "/" + PathOf(1));  // a folder in the way
  const auto batch = FileBatch::Open(root_);
  ASSERT_TRUE(batch.ok());
  ASSERT_TRUE(AddRound(**batch, GetParam(), "one").ok());
  const auto refused = (*batch)->Commit();
  ASSERT_TRUE(refused.ok()) << refused.status().ToString();
  ASSERT_EQ(refused->size(), 1u);
  EXPECT_EQ(refused->front().path, PathOf(1));
  EXPECT_NE(refused->front().why.message().find(PathOf(1)), std::string::npos);
  EXPECT_EQ(Contents(root_).size(), GetParam() - 1);
}

// Replaces files in a process that dies before the n-th step, for every n.
TEST_P(FileBatchTest, KilledBeforeAnyStepEveryFileIsOldOrNew) {
  int kills = 0;
  for (int n = 0;; ++n) {
    fs::remove_all(root_);
    {
      const auto batch = FileBatch::Open(root_);
      ASSERT_TRUE(batch.ok());
      ASSERT_TRUE(AddRound(**batch, GetParam(), "old").ok());
      ASSERT_TRUE((*batch)->Commit().ok());
    }
    const pid_t pid = ::fork();
    ASSERT_GE(pid, 0);
    if (pid == 0) {
      const auto batch = FileBatch::Open(root_);
      if (!batch.ok()) ::_exit(2);
      int left = n;
      (*batch)->BeforeEachStep([&left](FileBatch::Step) {
        if (left-- == 0) ::raise(SIGKILL);
      });
      if (!AddRound(**batch, GetParam() + 1, "new").ok() || !(*batch)->Commit().ok()) ::_exit(3);
      ::_exit(0);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(pid, &status, 0), pid);
    const bool killed = WIFSIGNALED(status);
    ASSERT_TRUE(killed || (WIFEXITED(status) && WEXITSTATUS(status) == 0)) << status;
    for (size_t i = 0; i < GetParam(); ++i) {
      const std::string bytes = ReadFile(root_ + "/" + PathOf(i)).value();
      const std::string i_text = " " + std::to_string(i);
      EXPECT_TRUE(bytes == "new" + i_text || (killed && bytes == "old" + i_text)) << n << bytes;
    }
    // The next batch clears what the dead one has left.
    { ASSERT_TRUE(FileBatch::Open(root_).ok()); }
    EXPECT_LE(Contents(root_).size(), GetParam() + 1) << "killed before step " << n;
    if (!killed) break;
    ++kills;
  }
  EXPECT_EQ(kills, static_cast<int>(GetParam()) + 3);  // two syncs, a rename for each
}

INSTANTIATE_TEST_SUITE_P(SyncedOneByOneAndTogether, FileBatchTest,
                         testing::Values(kBatchSyncEachMax - 2, kBatchSyncEachMax + 4));

TEST_F(OneFileBatchTest, TheFilesOfABatchThatLivesAreLeftAlone) {
  const auto first = FileBatch::Open(root_);
  ASSERT_TRUE(first.ok());
  ASSERT_TRUE((*first)->Add("a.json", "a").ok());
  const auto second = FileBatch::Open(root_);
  ASSERT_TRUE(second.ok());
  ASSERT_TRUE((*second)->Add("b.json", "b").ok());
  ASSERT_TRUE((*second)->Commit().ok());
  ASSERT_TRUE((*first)->Commit().ok());
  EXPECT_EQ(ReadFile(root_ + "/a.json").value(), "a");
  EXPECT_EQ(ReadFile(root_ + "/b.json").value(), "b");
}

TEST_F(OneFileBatchTest, ModeIsThatAskedFor) {
  const auto batch = FileBatch::Open(root_);
  ASSERT_TRUE(batch.ok());
  ASSERT_TRUE((*batch)->Add("a.json", "a", 0600).ok());
  ASSERT_TRUE((*batch)->Commit().ok());
  struct stat info {};
  ASSERT_EQ(::stat((root_ + "/a.json").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
}

TEST_F(OneFileBatchTest, ARootThatCannotBeMadeIsNamed) {
  ASSERT_TRUE(WriteFileAtomically(root_, "a file").ok());
  const auto batch = FileBatch::Open(root_);
  EXPECT_FALSE(batch.ok());
  EXPECT_NE(batch.status().message().find(root_), std::string::npos);
}

}  // namespace
}  // namespace koeval
