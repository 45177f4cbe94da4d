// Log levels, and texts made safe for a line.
#include "common/base/log.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/base/utf8.h"

namespace koeval {
namespace {

class LogTest : public testing::Test {
 protected:
  void TearDown() override { spdlog::set_default_logger(before_); }
  const std::shared_ptr<spdlog::logger> before_ = spdlog::default_logger();
};

TEST_F(LogTest, LinesHaveTimeProgramAndLevel) {
  testing::internal::CaptureStderr();
  ASSERT_TRUE(InitLog("koeval-test", "info").ok());
  spdlog::info("hello {}", 1);
  spdlog::debug("not shown");
  const std::string out = testing::internal::GetCapturedStderr();
  EXPECT_NE(out.find("Z koeval-test info hello 1\n"), std::string::npos) << out;
  EXPECT_EQ(out.find("not shown"), std::string::npos);
}

TEST_F(LogTest, LevelsCutOffWhatIsBelow) {
  const std::vector<std::pair<const char*, size_t>> levels = {
      {"debug", 4}, {"info", 3}, {"warning", 2}, {"error", 1}};
  for (const auto& [level, lines] : levels) {
    testing::internal::CaptureStderr();
    ASSERT_TRUE(InitLog("t", level).ok());
    spdlog::debug("x");
    spdlog::info("x");
    spdlog::warn("x");
    spdlog::error("x");
    const std::string out = testing::internal::GetCapturedStderr();
    EXPECT_EQ(static_cast<size_t>(std::count(out.begin(), out.end(), '\n')), lines) << level;
  }
}

TEST_F(LogTest, UnknownLevelIsRefused) {
  for (const char* level : {"", "warn", "INFO", "trace"}) {
    const Status status = InitLog("t", level);
    EXPECT_EQ(status.code(), Code::kInvalidArgument) << level;
    EXPECT_NE(status.message().find("debug, info, warning or error"), std::string::npos);
  }
}

TEST(LogSafeTest, OrdinaryTextStays) {
  EXPECT_EQ(LogSafe("한국어 text, \"quoted\" 😀"), "한국어 text, \"quoted\" 😀");
  EXPECT_EQ(LogSafe(""), "");
}

TEST(LogSafeTest, NothingStartsALineOrSteersTheTerminal) {
  EXPECT_EQ(LogSafe("a\nb\r\tc"), "a\\x0ab\\x0d\\x09c");
  EXPECT_EQ(LogSafe("\x1b[31m\x7f"), "\\x1b[31m\\x7f");
  EXPECT_EQ(LogSafe(std::string("\0", 1)), "\\x00");
  EXPECT_EQ(LogSafe("\xc2\x9b"
                    "31m"),
            "\\xc2\\x9b31m");                             // CSI in one code point
  EXPECT_EQ(LogSafe("\xe2\x80\xa8"), "\\xe2\\x80\\xa8");  // line separator
  EXPECT_EQ(LogSafe("\xe2\x80\xae"
                    "abc"),
            "\\xe2\\x80\\xaeabc");  // right-to-left override
}

TEST(LogSafeTest, BytesThatAreNoUtf8AreWrittenAsNumbers) {
  EXPECT_EQ(LogSafe("a\xff\xc0z"), "a\\xff\\xc0z");
  EXPECT_EQ(LogSafe("\xef\xbf\xbd"), "\xef\xbf\xbd");
}

TEST(LogSafeTest, LongTextsAreCutBetweenCharacters) {
  EXPECT_EQ(LogSafe(std::string(2'000, 'x')), std::string(2'000, 'x'));
  EXPECT_EQ(LogSafe(std::string(2'001, 'x')), std::string(2'000, 'x') + "...");
  std::string korean;
  while (korean.size() < 5'000) korean += "한";
  const std::string cut = LogSafe(korean);
  EXPECT_TRUE(IsValidUtf8(cut));
  EXPECT_LT(cut.size(), 2'010u);
  EXPECT_TRUE(cut.ends_with("한..."));
}

}  // namespace
}  // namespace koeval
