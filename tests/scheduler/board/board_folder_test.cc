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
  EXPECT_TRUE(WriteBoardFile(folder_.path(), path, "one").value());
  EXPECT_FALSE(WriteBoardFile(folder_.path(), path, "one").value());
  EXPECT_TRUE(WriteBoardFile(folder_.path(), path, "one and more").value());
  EXPECT_TRUE(WriteBoardFile(folder_.path(), path, "").value());
  EXPECT_EQ(ReadFile(folder_.File(path)).value(), "");
  EXPECT_EQ(WriteBoardFile(folder_.path(), "../x.json", "").status().code(),
            Code::kInvalidArgument);
  Put("file", "");
  EXPECT_FALSE(WriteBoardFile(folder_.path(), "file/x.json", "{}").ok());
}

}  // namespace
}  // namespace koeval::board
