// Names of the profiles.
#include "common/evaluation/types.h"

namespace koeval::evaluation {

std::string_view ProfileName(Profile profile) {
  return profile == Profile::kLeaderboardV1 ? "leaderboard-v1" : "lm-eval-0.4";
}

Result<Profile> ParseProfile(std::string_view name) {
  for (const Profile profile : {Profile::kLeaderboardV1, Profile::kLmEval04}) {
    if (name == ProfileName(profile)) return profile;
  }
  return InvalidArgument("unknown profile '" + std::string(name) +
                         "': use leaderboard-v1 or lm-eval-0.4");
}

}  // namespace koeval::evaluation
