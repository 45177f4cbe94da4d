// The policy file.
#include "common/hub/policy.h"

#include <algorithm>
#include <cctype>

#include "common/base/config.h"

namespace koeval::hub {
namespace {

constexpr int64_t kCardCharactersMost = 100'000;
constexpr size_t kDoNotSubmitMax = 10'000;

char Lower(char c) {
  return static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
}

std::vector<std::string> LowerAll(std::vector<std::string> words) {
  for (std::string& word : words) std::transform(word.begin(), word.end(), word.begin(), Lower);
  return words;
}

Demand ReadDemand(ConfigMap& map, const char* key, Demand fallback) {
  const std::string text = map.String(key, "");
  if (text.empty()) return fallback;
  if (text == "required") return Demand::kRequired;
  if (text == "warning") return Demand::kWarning;
  if (text != "off") map.Fail(key, "must be required, warning or off, found \"" + text + "\"");
  return Demand::kOff;
}

Status ReadDemands(ConfigMap& map, const char* key, CardDemands* demands) {
  ConfigMap part = map.Map(key);
  demands->license = ReadDemand(part, "license", demands->license);
  demands->license_accepted = ReadDemand(part, "license_accepted", demands->license_accepted);
  demands->model_card = ReadDemand(part, "model_card", demands->model_card);
  return part.Finish();
}

Status ReadLicenses(ConfigMap& map, SubmissionPolicy* policy) {
  ConfigMap part = map.Map("licenses");
  if (part.Has("open")) policy->open_licenses = LowerAll(part.Strings("open"));
  if (part.Has("other")) policy->other_licenses = LowerAll(part.Strings("other"));
  return part.Finish();
}

Status ReadDoNotSubmit(ConfigMap& map, SubmissionPolicy* policy) {
  for (ConfigMap& entry : map.Maps("do_not_submit")) {
    DoNotSubmit read{entry.String("model", ""), entry.String("reason", "")};
    if (read.model.empty()) entry.Fail("model", "is missing; give org/name, with * for any text");
    if (read.reason.empty()) entry.Fail("reason", "is missing; the submitter is told it");
    RETURN_IF_ERROR(entry.Finish());
    policy->do_not_submit.push_back(std::move(read));
  }
  if (policy->do_not_submit.size() > kDoNotSubmitMax) {
    map.Fail("do_not_submit", "has more than " + std::to_string(kDoNotSubmitMax) + " entries");
  }
  return OkStatus();
}

Result<SubmissionPolicy> Read(ConfigMap map) {
  SubmissionPolicy policy = DefaultPolicy();
  policy.model_card_characters =
      map.Int("model_card_characters", policy.model_card_characters, 0, kCardCharactersMost);
  policy.parameters_max = map.Int("parameters_max", policy.parameters_max, 0, INT64_MAX);
  const Status parts[] = {
      ReadLicenses(map, &policy), ReadDemands(map, "checks", &policy.hub_checks),
      ReadDemands(map, "local_checks", &policy.local_checks), ReadDoNotSubmit(map, &policy)};
  RETURN_IF_ERROR(map.Finish());
  for (const Status& part : parts) RETURN_IF_ERROR(part);
  return policy;
}

}  // namespace

SubmissionPolicy DefaultPolicy() {
  SubmissionPolicy policy;
  policy.open_licenses = {"apache-2.0",
                          "mit",
                          "bsd-3-clause",
                          "cc-by-4.0",
                          "cc-by-sa-4.0",
                          "cc0-1.0",
                          "gpl-3.0",
                          "openrail",
                          "afl-3.0",
                          "agpl-3.0",
                          "artistic-2.0",
                          "bigcode-openrail-m",
                          "bigscience-bloom-rail-1.0",
                          "bigscience-openrail-m",
                          "bsd",
                          "bsd-2-clause",
                          "bsl-1.0",
                          "cc",
                          "cc-by-2.0",
                          "cc-by-3.0",
                          "cc-by-sa-3.0",
                          "cdla-permissive-2.0",
                          "ecl-2.0",
                          "epl-2.0",
                          "eupl-1.1",
                          "eupl-1.2",
                          "gpl",
                          "gpl-2.0",
                          "isc",
                          "lgpl",
                          "lgpl-2.1",
                          "lgpl-3.0",
                          "mpl-2.0",
                          "ms-pl",
                          "ncsa",
                          "odc-by",
                          "osl-3.0",
                          "postgresql",
                          "unlicense",
                          "zlib"};
  policy.other_licenses = {
      "cc-by-nc-2.0",    "cc-by-nc-3.0", "cc-by-nc-4.0",  "cc-by-nc-nd-4.0",    "cc-by-nc-sa-3.0",
      "cc-by-nc-sa-4.0", "cc-by-nd-4.0", "exaone",        "falcon-llm-license", "gemma",
      "llama2",          "llama3",       "llama3.1",      "llama3.2",           "llama3.3",
      "llama4",          "qwen",         "qwen-research", "tongyi-qianwen",     "yi-license"};
  return policy;
}

Result<SubmissionPolicy> LoadPolicy(const std::string& path) {
  ASSIGN_OR_RETURN(ConfigMap map, ConfigMap::Load(path));
  return Read(std::move(map));
}

Result<SubmissionPolicy> ParsePolicy(const std::string& text, const std::string& name) {
  ASSIGN_OR_RETURN(ConfigMap map, ConfigMap::Parse(text, name));
  return Read(std::move(map));
}

// Greedy with one step back to the last `*`: linear in both for each star.
bool MatchesPattern(std::string_view pattern, std::string_view model) {
  size_t p = 0, m = 0;
  size_t star = std::string_view::npos, after = 0;
  while (m < model.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      after = m;
    } else if (p < pattern.size() && Lower(pattern[p]) == Lower(model[m])) {
      ++p;
      ++m;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      m = ++after;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

const DoNotSubmit* FindDoNotSubmit(const SubmissionPolicy& policy, std::string_view model) {
  const auto found = std::find_if(
      policy.do_not_submit.begin(), policy.do_not_submit.end(),
      [model](const DoNotSubmit& entry) { return MatchesPattern(entry.model, model); });
  return found == policy.do_not_submit.end() ? nullptr : &*found;
}

}  // namespace koeval::hub
