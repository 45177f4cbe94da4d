// Model cards and the submission policy: what is read from README.md, and what is made of it.
#include "common/hub/policy.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

#include "common/hub/card_checks.h"
#include "common/hub/model_card.h"

namespace koeval::hub {
namespace {

TEST(ModelCards, HeaderAndTextAreToldApart) {
  const ModelCard card = ParseModelCard(
      "---\r\nlicense: apache-2.0\r\nbase_model:\r\n- org/base\r\n- org/other\r\nlanguage: ko\r\n"
      "tags: [merge, ko]\r\n---\r\n\r\n  \xed\x95\x9c\xea\xb5\xad\xec\x96\xb4 model  \r\n");
  EXPECT_EQ(card.problem, "");
  EXPECT_EQ(card.license, "apache-2.0");
  EXPECT_EQ(card.base_models, (std::vector<std::string>{"org/base", "org/other"}));
  EXPECT_EQ(card.languages, std::vector<std::string>{"ko"});
  EXPECT_EQ(card.tags, (std::vector<std::string>{"merge", "ko"}));
  EXPECT_EQ(card.text_characters, 9u);
}

TEST(ModelCards, WithoutAHeaderAllIsText) {
  EXPECT_EQ(ParseModelCard("just text").text_characters, 9u);
  EXPECT_EQ(ParseModelCard("--- no fence").text_characters, 12u);
  EXPECT_EQ(ParseModelCard("---\nlicense: mit\nno end").text_characters, 23u);
  EXPECT_EQ(ParseModelCard("").text_characters, 0u);
}

TEST(ModelCards, ABrokenHeaderIsNamedWithItsLine) {
  const ModelCard card = ParseModelCard("---\nlicense: mit\ntags: [a\n---\ntext");
  EXPECT_NE(card.problem.find("README.md, line"), std::string::npos) << card.problem;
  EXPECT_EQ(card.license, "");
  EXPECT_EQ(card.text_characters, 4u);
  EXPECT_NE(ParseModelCard("---\n- a\n---\n").problem, "");
  EXPECT_NE(ParseModelCard("---\n" + std::string(100'000, '#') + "\n---\n").problem, "");
}

TEST(ModelCards, ListsAndWordsAreBounded) {
  std::string readme = "---\ntags:\n";
  for (int i = 0; i < 500; ++i) readme += "- " + std::string(90, 'a') + "\n";
  readme += "license: " + std::string(5'000, 'b') + "\n---\n";
  const ModelCard card = ParseModelCard(readme);
  EXPECT_EQ(card.tags.size(), kCardListMax);
  EXPECT_EQ(card.license.size(), kCardWordBytesMax);
}

TEST(ModelCards, ALicenceCalledOtherIsKnownByItsName) {
  EXPECT_EQ(LicenseKey(ParseModelCard("---\nlicense: other\nlicense_name: EXAONE\n---\n")),
            "exaone");
  EXPECT_EQ(LicenseKey(ParseModelCard("---\nlicense: other\n---\n")), "other");
  EXPECT_EQ(LicenseKey(ParseModelCard("---\nlicense: MIT\nlicense_name: x\n---\n")), "mit");
}

TEST(Patterns, StarsStandForAnyText) {
  for (const auto& [pattern, model] :
       std::vector<std::pair<std::string, std::string>>{{"org/name", "Org/Name"},
                                                        {"org/*", "org/anything"},
                                                        {"*", ""},
                                                        {"*/llama-*-chat*", "a/llama-2-7b-chat-hf"},
                                                        {"a*b*c", "axxbxxbc"}}) {
    EXPECT_TRUE(MatchesPattern(pattern, model)) << pattern << " " << model;
  }
  for (const auto& [pattern, model] : std::vector<std::pair<std::string, std::string>>{
           {"org/name", "org/name2"}, {"org/*", "other/x"}, {"", "a"}, {"a*b", "ac"}}) {
    EXPECT_FALSE(MatchesPattern(pattern, model)) << pattern << " " << model;
  }
  EXPECT_FALSE(MatchesPattern(std::string(200, '*') + "b", std::string(5'000, 'a')));
}

TEST(Policies, TheExampleFileSaysWhatHoldsByDefault) {
  const auto read =
      LoadPolicy(std::string(std::getenv("KOEVAL_SOURCE_DIR")) + "/configs/submission-policy.yaml");
  ASSERT_TRUE(read.ok()) << read.status().ToString();
  const SubmissionPolicy expected = DefaultPolicy();
  EXPECT_EQ(read->open_licenses, expected.open_licenses);
  EXPECT_EQ(read->other_licenses, expected.other_licenses);
  EXPECT_EQ(read->hub_checks.license, expected.hub_checks.license);
  EXPECT_EQ(read->hub_checks.license_accepted, expected.hub_checks.license_accepted);
  EXPECT_EQ(read->hub_checks.model_card, expected.hub_checks.model_card);
  EXPECT_EQ(read->local_checks.license, expected.local_checks.license);
  EXPECT_EQ(read->local_checks.license_accepted, expected.local_checks.license_accepted);
  EXPECT_EQ(read->local_checks.model_card, expected.local_checks.model_card);
  EXPECT_EQ(read->model_card_characters, expected.model_card_characters);
  EXPECT_EQ(read->parameters_max, expected.parameters_max);
  EXPECT_TRUE(read->do_not_submit.empty());
}

TEST(Policies, ErrorsNameFileAndKey) {
  for (const auto& [text, key] : std::vector<std::pair<std::string, std::string>>{
           {"checks:\n  license: maybe\n", "license"},
           {"model_card_characters: -1\n", "model_card_characters"},
           {"do_not_submit:\n- model: a/b\n", "reason"},
           {"do_not_submit:\n- reason: no\n", "model"},
           {"surprise: 1\n", "surprise"},
           {"licenses:\n  closed: [a]\n", "closed"}}) {
    const auto read = ParsePolicy(text, "policy.yaml");
    ASSERT_FALSE(read.ok()) << text;
    EXPECT_NE(read.status().message().find("policy.yaml"), std::string::npos);
    EXPECT_NE(read.status().message().find(key), std::string::npos) << read.status().message();
  }
}

// The findings of the checks of `readme` under `policy`.
std::vector<CheckFinding> Findings(const std::string& readme, const SubmissionPolicy& policy,
                                   const std::string& model = "org/name") {
  const ModelCard card = ParseModelCard(readme);
  CheckReport report;
  CheckDoNotSubmit(card, model, policy, report);
  CheckLicense(card, policy, policy.hub_checks, report);
  CheckCardText(card, !readme.empty(), policy, policy.hub_checks, report);
  return report.findings;
}

std::string Readme(const std::string& header, int characters = 200) {
  return "---\n" + header + "\n---\n" + std::string(static_cast<size_t>(characters), 'x');
}

TEST(Policies, AnOpenLicenceAndACardOfTheLeastLengthPass) {
  EXPECT_TRUE(Findings(Readme("license: MIT"), DefaultPolicy()).empty());
}

TEST(Policies, EachDemandHasItsCode) {
  const SubmissionPolicy policy = DefaultPolicy();
  const auto one = [&](const std::string& readme) {
    const auto findings = Findings(readme, policy);
    EXPECT_EQ(findings.size(), 1u) << readme;
    return findings.empty() ? CheckFinding{} : findings.front();
  };
  EXPECT_EQ(one(Readme("license: mit", 199)).code, Ending::kModelCardTooShort);
  EXPECT_EQ(one(Readme("tags: [a]")).code, Ending::kLicenseNotOpen);
  EXPECT_EQ(one(Readme("license: my-own")).code, Ending::kLicenseNotOpen);
  EXPECT_EQ(one(Readme("license: [mit")).code, Ending::kLicenseNotOpen);
  EXPECT_TRUE(one(Readme("license: my-own")).is_error);
  EXPECT_FALSE(one(Readme("license: llama3")).is_error);
  EXPECT_EQ(Findings("", policy).size(), 2u);
}

TEST(Policies, DemandsCanBeLoweredAndLeftOut) {
  const auto policy = ParsePolicy(
      "checks: {license: off, license_accepted: warning, model_card: off}\n"
      "licenses: {open: [MIT], other: []}\n",
      "p");
  ASSERT_TRUE(policy.ok()) << policy.status().ToString();
  EXPECT_TRUE(Findings("", *policy).empty());
  EXPECT_TRUE(Findings(Readme("license: mit"), *policy).empty());
  const auto findings = Findings(Readme("license: apache-2.0"), *policy);
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_FALSE(findings[0].is_error);
}

TEST(Policies, TheListNamesModelsAndBaseModelsWithTheReason) {
  auto policy =
      ParsePolicy("do_not_submit:\n- {model: 'bad/*', reason: trained on the test set}\n", "p");
  ASSERT_TRUE(policy.ok()) << policy.status().ToString();
  const std::string good = Readme("license: mit");
  EXPECT_TRUE(Findings(good, *policy).empty());
  const auto named = Findings(good, *policy, "Bad/Model");
  ASSERT_EQ(named.size(), 1u);
  EXPECT_EQ(named[0].code, Ending::kDoNotSubmit);
  EXPECT_NE(named[0].message.find("trained on the test set"), std::string::npos);
  const auto base = Findings(Readme("license: mit\nbase_model: bad/x"), *policy);
  ASSERT_EQ(base.size(), 1u);
  EXPECT_NE(base[0].message.find("base model bad/x"), std::string::npos);
}

}  // namespace
}  // namespace koeval::hub
