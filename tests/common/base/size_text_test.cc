// Amounts of memory as text.
#include "common/base/size_text.h"

#include <gtest/gtest.h>

namespace koeval {
namespace {

TEST(SizeTextTest, OneDecimalInTheLargestUnitThatGivesOneOrMore) {
  EXPECT_EQ(SizeText(0), "0 bytes");
  EXPECT_EQ(SizeText(1023), "1023 bytes");
  EXPECT_EQ(SizeText(1024), "1.0 KiB");
  EXPECT_EQ(SizeText(int64_t{78} << 30), "78.0 GiB");
  EXPECT_EQ(SizeText((int64_t{3} << 40) + (int64_t{1} << 39)), "3.5 TiB");
  EXPECT_EQ(SizeText(int64_t{5000} << 40), "5000.0 TiB");
}

}  // namespace
}  // namespace koeval
