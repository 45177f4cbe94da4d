// Tests of the profile names.
#include "common/evaluation/types.h"

#include <gtest/gtest.h>

namespace koeval::evaluation {
namespace {

TEST(ProfileTest, NamesRoundTrip) {
  for (const Profile profile : {Profile::kLeaderboardV1, Profile::kLmEval04}) {
    ASSERT_TRUE(ParseProfile(ProfileName(profile)).ok());
    EXPECT_EQ(*ParseProfile(ProfileName(profile)), profile);
  }
}

TEST(ProfileTest, UnknownNameIsRefusedAndTheKnownOnesAreNamed) {
  const Result<Profile> profile = ParseProfile("lm-eval-0.3");
  ASSERT_FALSE(profile.ok());
  EXPECT_EQ(profile.status().code(), Code::kInvalidArgument);
  EXPECT_NE(profile.status().message().find("leaderboard-v1"), std::string::npos);
}

}  // namespace
}  // namespace koeval::evaluation
