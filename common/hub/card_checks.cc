// Licence, model card and do-not-submit list.
#include "common/hub/card_checks.h"

#include <fmt/format.h>

#include <algorithm>

namespace koeval::hub {
namespace {

constexpr size_t kLicensesNamed = 8;

void AddDemanded(CheckReport& report, Demand demand, Ending code, std::string message,
                 std::string remedy) {
  if (demand == Demand::kOff) return;
  report.Add(code, demand == Demand::kRequired, std::move(message), std::move(remedy));
}

bool Holds(const std::vector<std::string>& list, const std::string& word) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

std::string AcceptedText(const SubmissionPolicy& policy) {
  std::vector<std::string> all = policy.open_licenses;
  all.insert(all.end(), policy.other_licenses.begin(), policy.other_licenses.end());
  const size_t shown = std::min(all.size(), kLicensesNamed);
  const std::string names =
      fmt::format("{}", fmt::join(all.begin(), all.begin() + static_cast<long>(shown), ", "));
  return all.size() > shown ? fmt::format("{} and {} more", names, all.size() - shown) : names;
}

}  // namespace

void AddCardFacts(const ModelCard& card, CheckReport& report) {
  const std::string license = LicenseKey(card);
  if (!license.empty()) report.facts["license"] = license;
  if (!card.license_link.empty()) report.facts["license_link"] = card.license_link;
  if (!card.base_models.empty()) report.facts["base_model"] = card.base_models;
  if (!card.languages.empty()) report.facts["language"] = card.languages;
  if (!card.tags.empty()) report.facts["tags"] = card.tags;
  report.facts["model_card_characters"] = card.text_characters;
}

void CheckDoNotSubmit(const ModelCard& card, const std::string& model,
                      const SubmissionPolicy& policy, CheckReport& report) {
  const size_t first = report.findings.size();
  const auto check = [&](const std::string& name, const char* as) {
    const DoNotSubmit* entry = FindDoNotSubmit(policy, name);
    if (entry == nullptr) return;
    report.Add(Ending::kDoNotSubmit, true,
               fmt::format("{}{} is not taken here: {}", as, name, entry->reason),
               "Submit another model, or ask the operator of this leaderboard.");
  };
  if (!model.empty()) check(model, "");
  for (const std::string& base : card.base_models) check(base, "its base model ");
  report.EndStep("do-not-submit", first, "not on the list");
}

void CheckLicense(const ModelCard& card, const SubmissionPolicy& policy, const CardDemands& demands,
                  CheckReport& report) {
  const size_t first = report.findings.size();
  const std::string license = LicenseKey(card);
  std::string sentence = license;
  if (!card.problem.empty()) {
    AddDemanded(report, demands.license, Ending::kLicenseNotOpen, card.problem,
                "Write the header of README.md as YAML between two lines of three dashes.");
  } else if (license.empty()) {
    sentence = "none named";
    AddDemanded(report, demands.license, Ending::kLicenseNotOpen,
                "no licence is named in the header of README.md",
                "Begin README.md with a header between two lines of three dashes, and write "
                "`license: NAME` into it. Accepted are " +
                    AcceptedText(policy) + ".");
  } else if (Holds(policy.other_licenses, license)) {
    AddDemanded(report, std::min(demands.license_accepted, Demand::kWarning),
                Ending::kLicenseNotOpen,
                fmt::format("licence {} is accepted here, but it is not an open one", license),
                "Nothing has to be done.");
  } else if (!Holds(policy.open_licenses, license)) {
    AddDemanded(report, demands.license_accepted, Ending::kLicenseNotOpen,
                fmt::format("licence {} is not among those that this leaderboard accepts", license),
                "Correct the name if it is misspelt, or publish the model under one of those: " +
                    AcceptedText(policy) + ".");
  }
  report.EndStep("licence", first, sentence);
}

void CheckCardText(const ModelCard& card, bool is_there, const SubmissionPolicy& policy,
                   const CardDemands& demands, CheckReport& report) {
  const size_t first = report.findings.size();
  const auto characters = static_cast<int64_t>(card.text_characters);
  if (characters < policy.model_card_characters) {
    const std::string found =
        is_there ? fmt::format("README.md has {} characters of text besides its header", characters)
                 : "there is no model card (README.md)";
    AddDemanded(report, demands.model_card, Ending::kModelCardTooShort,
                fmt::format("{}; {} characters are the least", found, policy.model_card_characters),
                "Describe in README.md what the model is, what it was trained on and how it is "
                "used.");
  }
  report.EndStep("model card", first, fmt::format("{} characters", characters));
}

}  // namespace koeval::hub
