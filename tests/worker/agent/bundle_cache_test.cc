// Task bundles as workers keep them.
#include "worker/agent/bundle_cache.h"

#include <gtest/gtest.h>

namespace koeval::agent {
namespace {

BundleCache CacheOf(const std::string& text) {
  return BundleCache(2, [text](const std::string&) -> Result<std::string> { return text; });
}

TEST(BundleCache, ReadsTheTasksAndTheRoundingOfASuite) {
  BundleCache plain = CacheOf(R"({"tasks":[{"a":1},{"b":2}]})");
  const auto without = plain.Get("x");
  ASSERT_TRUE(without.ok()) << without.status().ToString();
  EXPECT_EQ((*without)->tasks.size(), 2U);
  EXPECT_EQ((*without)->logits_dtype, "");
  BundleCache rounding = CacheOf(R"({"tasks":[],"logits_dtype":"as_model"})");
  const auto with = rounding.Get("x");
  ASSERT_TRUE(with.ok()) << with.status().ToString();
  EXPECT_EQ((*with)->logits_dtype, "as_model");
}

TEST(BundleCache, RefusesWhatIsNoBundle) {
  EXPECT_EQ(CacheOf(R"({"task":[]})").Get("x").status().code(), Code::kDataLoss);
  EXPECT_FALSE(CacheOf(R"({"tasks":[],"logits_dtype":1})").Get("x").ok());
}

TEST(BundleCache, FetchesAgainOnlyWhatFellOut) {
  int fetched = 0;
  BundleCache cache(2, [&fetched](const std::string&) -> Result<std::string> {
    ++fetched;
    return std::string(R"({"tasks":[]})");
  });
  for (const char* digest : {"a", "b", "a", "c", "a"}) EXPECT_TRUE(cache.Get(digest).ok());
  EXPECT_EQ(fetched, 3);
  EXPECT_TRUE(cache.Get("b").ok());
  EXPECT_EQ(fetched, 4);
}

}  // namespace
}  // namespace koeval::agent
