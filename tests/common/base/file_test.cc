// Reading, replacing and mapping files.
#include "common/base/file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

namespace koeval {
namespace {

namespace fs = std::filesystem;

class FileTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "koeval-file-XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  void TearDown() override { fs::remove_all(folder_); }
  std::string File(const std::string& name) const { return folder_ + "/" + name; }
  size_t Entries() const {
    return static_cast<size_t>(std::distance(fs::directory_iterator(folder_), {}));
  }

  std::string folder_;
};

TEST_F(FileTest, ANamedPipeIsRefusedWithoutWaitingForAWriter) {
  ASSERT_EQ(::mkfifo(File("pipe").c_str(), 0600), 0);
  for (const Status& status :
       {ReadFile(File("pipe")).status(), MappedFile::Open(File("pipe")).status()}) {
    EXPECT_EQ(status.code(), Code::kInvalidArgument);
    EXPECT_NE(status.message().find("pipe is not a regular file"), std::string::npos);
  }
  EXPECT_EQ(ReadFile(folder_).status().code(), Code::kInvalidArgument);
}

TEST_F(FileTest, WrittenBytesAreReadBack) {
  const std::string bytes = std::string("a\0b\xff\n", 5) + std::string(1 << 20, 'x');
  ASSERT_TRUE(WriteFileAtomically(File("f"), bytes).ok());
  EXPECT_EQ(ReadFile(File("f")).value(), bytes);
  ASSERT_TRUE(WriteFileAtomically(File("f"), "").ok());
  EXPECT_EQ(ReadFile(File("f")).value(), "");
  EXPECT_EQ(Entries(), 1u);  // nothing is left beside it
}

TEST_F(FileTest, ModeIsThatAskedFor) {
  const auto mode = [&] {
    struct stat info {};
    EXPECT_EQ(::stat(File("f").c_str(), &info), 0);
    return info.st_mode & 0777;
  };
  ASSERT_TRUE(WriteFileAtomically(File("f"), "x", 0600).ok());
  EXPECT_EQ(mode(), 0600u);
  ASSERT_EQ(::chmod(File("f").c_str(), 0644), 0);
  ASSERT_TRUE(WriteFileAtomically(File("f"), "x", 0600).ok());
  EXPECT_EQ(mode(), 0600u);
}

TEST_F(FileTest, FileWrittenInPiecesAppearsAtItsCommit) {
  ASSERT_TRUE(WriteFileAtomically(File("f"), "old").ok());
  const auto file = AtomicFile::Create(File("f"), 0600);
  ASSERT_TRUE(file.ok());
  ASSERT_TRUE((*file)->Append("one ").ok());
  ASSERT_TRUE((*file)->Append("two").ok());
  EXPECT_EQ(ReadFile(File("f")).value(), "old");
  ASSERT_TRUE((*file)->Commit().ok());
  EXPECT_EQ(ReadFile(File("f")).value(), "one two");
}

TEST_F(FileTest, FileWithoutACommitLeavesNothing) {
  {
    const auto file = AtomicFile::Create(File("f"));
    ASSERT_TRUE(file.ok());
    ASSERT_TRUE((*file)->Append("half").ok());
  }
  EXPECT_EQ(Entries(), 0u);
}

TEST_F(FileTest, ReadsAreBounded) {
  ASSERT_TRUE(WriteFileAtomically(File("f"), "12345").ok());
  EXPECT_EQ(ReadFile(File("f"), 5).value(), "12345");
  const Status status = ReadFile(File("f"), 4).status();
  EXPECT_EQ(status.code(), Code::kResourceExhausted);
  EXPECT_NE(status.message().find(File("f")), std::string::npos);
}

TEST_F(FileTest, ErrorsHaveTheirCodesAndNameThePath) {
  const auto missing = ReadFile(File("none")).status();
  EXPECT_EQ(missing.code(), Code::kNotFound);
  EXPECT_NE(missing.message().find(File("none")), std::string::npos);
  EXPECT_EQ(ReadFile(folder_).status().code(), Code::kInvalidArgument);
  ASSERT_TRUE(WriteFileAtomically(File("f"), "x").ok());
  EXPECT_EQ(ReadFile(File("f/below")).status().code(), Code::kNotFound);
  EXPECT_EQ(WriteFileAtomically(File("none/f"), "x").code(), Code::kNotFound);
  EXPECT_EQ(MappedFile::Open(File("none")).status().code(), Code::kNotFound);
  EXPECT_EQ(MappedFile::Open(folder_).status().code(), Code::kInvalidArgument);
}

TEST_F(FileTest, UnreadableFilesArePermissionDenied) {
  if (::geteuid() == 0) GTEST_SKIP() << "root may read everything";
  ASSERT_TRUE(WriteFileAtomically(File("f"), "x", 0200).ok());
  EXPECT_EQ(ReadFile(File("f")).status().code(), Code::kPermissionDenied);
}

TEST_F(FileTest, FailedWriteLeavesTheOldFileAndNothingElse) {
  ASSERT_EQ(::mkdir(File("taken").c_str(), 0700), 0);
  ASSERT_TRUE(WriteFileAtomically(File("taken/f"), "x").ok());
  EXPECT_FALSE(WriteFileAtomically(File("taken"), "x").ok());  // a folder is in the way
  EXPECT_EQ(ReadFile(File("taken/f")).value(), "x");
  EXPECT_EQ(Entries(), 1u);
}

TEST_F(FileTest, ReadersSeeOneWriteOrAnother) {
  constexpr int kWrites = 50;
  ASSERT_TRUE(WriteFileAtomically(File("f"), std::string(4096, 'x')).ok());
  std::atomic<bool> done = false;
  std::atomic<int> torn = 0;
  std::thread reader([&] {
    while (!done) {
      const auto text = ReadFile(File("f"));
      const bool whole = text.ok() && text->size() == 4096 &&
                         text->find_first_not_of(text->front()) == std::string::npos;
      if (!whole) ++torn;
    }
  });
  std::vector<std::thread> writers;
  for (const char fill : {'a', 'b'}) {
    writers.emplace_back([&, fill] {
      for (int i = 0; i < kWrites; ++i) {
        EXPECT_TRUE(WriteFileAtomically(File("f"), std::string(4096, fill)).ok());
      }
    });
  }
  for (std::thread& writer : writers) writer.join();
  done = true;
  reader.join();
  EXPECT_EQ(torn.load(), 0);
  EXPECT_EQ(Entries(), 1u);
}

TEST_F(FileTest, MapShowsTheBytes) {
  ASSERT_TRUE(WriteFileAtomically(File("f"), std::string("a\0b", 3)).ok());
  const auto map = MappedFile::Open(File("f"));
  ASSERT_TRUE(map.ok());
  EXPECT_EQ((*map)->bytes(), std::string_view("a\0b", 3));
  ASSERT_TRUE(WriteFileAtomically(File("empty"), "").ok());
  EXPECT_TRUE(MappedFile::Open(File("empty")).value()->bytes().empty());
}

TEST_F(FileTest, FoldersAreSynced) {
  EXPECT_TRUE(SyncFolderOf(File("any")).ok());
  EXPECT_FALSE(SyncFolderOf(File("none/any")).ok());
}

}  // namespace
}  // namespace koeval
