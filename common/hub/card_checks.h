// The checks of what README.md says: licence, model card, base models.
#pragma once

#include <string>

#include "common/hub/model_card.h"
#include "common/hub/policy.h"
#include "common/hub/report.h"

namespace koeval::hub {

// Adds the fields of the card to the facts.
void AddCardFacts(const ModelCard& card, CheckReport& report);
// `model` ("" for a local directory) and the base models of the card against the policy's list.
void CheckDoNotSubmit(const ModelCard& card, const std::string& model,
                      const SubmissionPolicy& policy, CheckReport& report);
void CheckLicense(const ModelCard& card, const SubmissionPolicy& policy, const CardDemands& demands,
                  CheckReport& report);
// `is_there`: whether the repository has a README.md.
void CheckCardText(const ModelCard& card, bool is_there, const SubmissionPolicy& policy,
                   const CardDemands& demands, CheckReport& report);

}  // namespace koeval::hub
