// What requests and their checks say about models.
#include "scheduler/service/model_facts.h"

#include <gtest/gtest.h>

#include "common/base/json.h"
#include "common/hub/check.h"
#include "tests/common/test_data.h"

namespace koeval::service {
namespace {

core::RequestSpec Spec(const std::string& type) {
  core::RequestSpec spec;
  spec.precision = "bfloat16";
  spec.model_type = type;
  return spec;
}

TEST(ModelFactsTest, ChecksTellArchitectureSizeLicenceAndBaseModels) {
  core::ModelRow row;
  AddRequestFacts(Spec("🔶 : fine-tuned"),
                  R"({"facts": {"architecture": "LlamaForCausalLM", "parameters": 7, "likes": 3,)"
                  R"("license": "mit", "base_model": ["org/a", "org/b"]}, "findings": []})",
                  &row);
  EXPECT_EQ(row.type, "fine-tuned");
  EXPECT_EQ(row.precision, "bfloat16");
  EXPECT_EQ(row.architecture, "LlamaForCausalLM");
  EXPECT_EQ(row.parameters, 7);
  EXPECT_EQ(row.likes, 3);
  EXPECT_EQ(row.license, "mit");
  EXPECT_EQ(row.base_model, "org/a,org/b");
}

TEST(ModelFactsTest, WhatIsNotSaidStays) {
  core::ModelRow row;
  row.type = "merged";
  row.license = "mit";
  row.likes = 4;
  row.parameters = 9;
  for (const char* facts :
       {"", "{}", R"({"facts": {"parameters": -1, "license": ""}})", "no JSON"}) {
    AddRequestFacts(Spec("something of my own"), facts, &row);
    EXPECT_EQ(row.type, "merged");
    EXPECT_EQ(row.license, "mit");
    EXPECT_EQ(row.likes, 4);
    EXPECT_EQ(row.parameters, 9);
  }
}

// A real repository's settings without its weights.
TEST(ModelFactsTest, ARepositoryWithoutWeightsStillTellsItsArchitecture) {
  const auto data = TestData("hub-metadata/mixtral-8x22b");
  if (!data.ok()) GTEST_SKIP() << data.status().message();
  const std::string& folder = *data;
  const hub::CheckReport report = hub::CheckModelDir(folder, {.precision = "bfloat16"});
  EXPECT_FALSE(report.ok());
  core::ModelRow row;
  AddRequestFacts(Spec("PT"), CompactJson({{"facts", report.facts}}), &row);
  EXPECT_EQ(row.architecture, "MixtralForCausalLM");
  EXPECT_EQ(row.type, "pretrained");
}

TEST(ModelFactsTest, TheHubTellsLikesLicenceAndWhetherTheModelIsThere) {
  hub::RepositoryInfo info;
  info.likes = 12;
  info.license = "other";
  info.license_name = "solar-license";
  info.base_models = {"org/a"};
  core::ModelRow row;
  row.deleted_at = {7};
  EXPECT_TRUE(AddHubFacts(info, {9}, &row).ok());
  EXPECT_EQ(row.likes, 12);
  EXPECT_EQ(row.license, "solar-license");
  EXPECT_EQ(row.base_model, "org/a");
  EXPECT_EQ(row.deleted_at, WallTime{});
  EXPECT_EQ(row.source, "hub");
  const core::ModelRow before = row;
  EXPECT_EQ(AddHubFacts(Unavailable("slow"), {10}, &row).code(), Code::kUnavailable);
  EXPECT_TRUE(SameFacts(row, before));
  EXPECT_TRUE(AddHubFacts(NotFound("gone"), {11}, &row).ok());
  EXPECT_TRUE(AddHubFacts(NotFound("gone"), {12}, &row).ok());
  EXPECT_EQ(row.deleted_at, (WallTime{11})) << "when it was first seen to be gone";
  EXPECT_EQ(row.likes, 12);
}

TEST(ModelFactsTest, TheTimeOfTheLookAndItsSourceAreNoFacts) {
  core::ModelRow a;
  a.model = "org/a";
  core::ModelRow b = a;
  b.refreshed_at = {5};
  b.source = "hub";
  EXPECT_TRUE(SameFacts(a, b));
  b.likes = 0;
  EXPECT_FALSE(SameFacts(a, b));
}

}  // namespace
}  // namespace koeval::service
