// Child processes: what they get to read, and what they may write.
#include "common/base/child_process.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "common/base/file.h"
#include "tests/common/temp_folder.h"

namespace koeval {
namespace {

Result<ChildOutcome> RunLimited(const std::vector<std::string>& argv, const ChildLimits& limits,
                                std::string_view input = {}) {
  const std::atomic<bool> stop{false};
  return RunChild(argv, limits, Clock::Real(), stop, input);
}

TEST(ChildProcess, InputIsItsStdinAndEndsThere) {
  const std::string input(300'000, 'x');  // more than a pipe holds
  const auto outcome = RunLimited({"/bin/cat"}, {}, input);
  ASSERT_TRUE(outcome.ok()) << outcome.status().ToString();
  EXPECT_EQ(outcome->out, input);
  const auto none = RunLimited({"/bin/cat"}, {});
  ASSERT_TRUE(none.ok());
  EXPECT_EQ(none->out, "");
}

TEST(ChildProcess, OnlyATrustedOneWritesFiles) {
  const TempFolder folder;
  const std::vector<std::string> argv = {"/bin/sh", "-c", "echo text > \"$0\"", folder.File("out")};
  const auto refused = RunLimited(argv, {});
  ASSERT_TRUE(refused.ok());
  EXPECT_FALSE(refused->end == ChildEnd::kExited && refused->code == 0);
  std::error_code none;
  EXPECT_TRUE(!std::filesystem::exists(folder.File("out"), none) ||
              std::filesystem::file_size(folder.File("out"), none) == 0);
  const auto allowed = RunLimited(argv, {.is_trusted = true});
  ASSERT_TRUE(allowed.ok());
  EXPECT_EQ(allowed->code, 0);
  EXPECT_EQ(ReadFile(folder.File("out")).value(), "text\n");
}

}  // namespace
}  // namespace koeval
