// The submission policy: what a leaderboard asks of a repository besides that it can be evaluated.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/status.h"

namespace koeval::hub {

// What becomes of a check that is not met.
enum class Demand { kOff, kWarning, kRequired };

// Of one kind of model: repositories of a hub, or local directories.
struct CardDemands {
  Demand license = Demand::kRequired;           // README.md names one
  Demand license_accepted = Demand::kRequired;  // and it is on a list of the policy
  Demand model_card = Demand::kRequired;        // README.md is long enough
};

struct DoNotSubmit {
  std::string model;  // org/name in any case, `*` stands for any text
  std::string reason;
};

struct SubmissionPolicy {
  std::vector<std::string> open_licenses;   // lower case, as the hub writes them
  std::vector<std::string> other_licenses;  // accepted with a warning: not open
  CardDemands hub_checks;
  CardDemands local_checks{Demand::kWarning, Demand::kWarning, Demand::kWarning};
  int64_t model_card_characters = 200;
  int64_t parameters_max = 0;  // 0: no limit but the memory of the slots
  std::vector<DoNotSubmit> do_not_submit;
};

// What holds without a policy file: configs/submission-policy.yaml says the same.
SubmissionPolicy DefaultPolicy();

// A file of the form of configs/submission-policy.yaml; what it leaves out is as by default.
// INVALID_ARGUMENT names file, line and key.
Result<SubmissionPolicy> LoadPolicy(const std::string& path);
Result<SubmissionPolicy> ParsePolicy(const std::string& text, const std::string& name);

// Whether `model` is what `pattern` names: any case, `*` for any text (of none too).
bool MatchesPattern(std::string_view pattern, std::string_view model);
// The entry of the list that names `model`; nullptr when none does.
const DoNotSubmit* FindDoNotSubmit(const SubmissionPolicy& policy, std::string_view model);

}  // namespace koeval::hub
