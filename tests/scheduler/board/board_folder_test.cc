// Folders of files: listing and writing.
#include "scheduler/board/board_folder.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "common/base/file.h"
#include "tests/common/temp_folder.h"

namespace koeval::board {
namespace {

namespace fs = std::filesystem;

class BoardFolderTest : public testing::Test {
 protected:
  void Put(const std::string& path, const std::string& text) {
    fs::create_directories(fs::path(folder_.File(path)).parent_path());
    std::ofstream(folder_.File(path)) << text;
  }
  TempFolder folder_;
};

TEST_F(BoardFolderTest, ListsJsonFilesInOrderAndSaysWhatItSkips) {
  Put("b/x_eval_request_False_float16_Original.json", "{}");
  Put("a/m/result_2023-11-14 22:13:20.json", "{}");
  Put("README.md", "");
  Put(".git/config.json", "{}");
  Put("a/back\\slash.json", "{}");
  fs::create_symlink("/etc/passwd", folder_.File("a/link.json"));
  fs::create_directory_symlink("/etc", folder_.File("a/etc"));
  const auto listed = ListBoardFolder(folder_.path());
  ASSERT_TRUE(listed.ok()) << listed.status().ToString();
  EXPECT_EQ(listed->paths,
            (std::vector<std::string>{"a/m/result_2023-11-14 22:13:20.json",
                                      "b/x_eval_request_False_float16_Original.json"}));
  EXPECT_EQ(listed->skipped.size(), 2u);
  EXPECT_EQ(listed->others, 3);
  EXPECT_EQ(ListBoardFolder(folder_.File("none")).status().code(), Code::kNotFound);
}

TEST_F(BoardFolderTest, WritesWhatDiffersAlone) {
  const std::string path = "org/m/result_2023-11-14 22:13:20.json";
  BoardWriter writer(folder_.path());
  const auto write = [&writer, &path](const std::string& text) {
    const bool added = writer.Add(path, text).value();
    EXPECT_TRUE(writer.Flush().value().empty());
    return added;
  };
  EXPECT_TRUE(write("one"));
  EXPECT_FALSE(write("one"));
  EXPECT_TRUE(write("one and more"));
  EXPECT_TRUE(write(""));
  EXPECT_EQ(ReadFile(folder_.File(path)).value(), "");
  EXPECT_EQ(writer.Add("../x.json", "").status().code(), Code::kInvalidArgument);
}

TEST_F(BoardFolderTest, AFileThatCannotBePlacedIsNamedAndTheOthersAreWritten) {
  Put("file", "");
  BoardWriter writer(folder_.path());
  ASSERT_TRUE(writer.Add("file/x.json", "{}").ok());
  ASSERT_TRUE(writer.Add("org/x.json", "{}").ok());
  const auto refused = writer.Flush();
  ASSERT_TRUE(refused.ok()) << refused.status().ToString();
  ASSERT_EQ(refused->size(), 1u);
  EXPECT_EQ(refused->front().path, "file/x.json");
  EXPECT_EQ(ReadFile(folder_.File("org/x.json")).value(), "{}");
}

TEST_F(BoardFolderTest, ABatchIsFullByFilesAndByBytes) {
  BoardWriter writer(folder_.path());
  for (size_t i = 0; i < kWriteBatchFilesMax; ++i) {
    EXPECT_FALSE(writer.full());
    ASSERT_TRUE(writer.Add("m" + std::to_string(i) + ".json", "{}").ok());
  }
  EXPECT_TRUE(writer.full());
  ASSERT_TRUE(writer.Flush().value().empty());
  EXPECT_FALSE(writer.full());
  EXPECT_EQ(ListBoardFolder(folder_.path())->paths.size(), kWriteBatchFilesMax);
  ASSERT_TRUE(writer.Add("large.json", std::string(kWriteBatchBytesMax, 'x')).ok());
  EXPECT_TRUE(writer.full());
}

}  // namespace
}  // namespace koeval::board
