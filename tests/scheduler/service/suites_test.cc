// The catalogue of suites: what its bundles say, and what a request of a suite generates.
#include "scheduler/service/suites.h"

#include <gtest/gtest.h>

#include "tests/scheduler/service/harness.h"

namespace koeval::service {
namespace {

constexpr const char* kGenerating = R"(# Generates.
task: toy_text
dataset_path: json
dataset_kwargs:
  data_files: {test: toy_b.jsonl}
test_split: test
output_type: generate_until
doc_to_text: "{{q}}"
doc_to_target: "a"
generation_kwargs: {until: ["\n"], max_gen_toks: 77, do_sample: false}
metric_list: [{metric: exact_match}]
)";

// The toy suite with more lines of its file, and its one suite once it is loaded.
class SuitesTest : public testing::Test {
 protected:
  SuitesTest() { WriteToySuite(dir_.path()); }

  const LoadedSuite& Load(const std::string& more_lines) {
    const std::string path = dir_.path("suites/toy.yaml");
    const auto text = ReadFile(path);
    EXPECT_TRUE(text.ok());
    WriteText(path, *text + more_lines);
    auto loaded = SuiteCatalogue::Load(dir_.path("suites"), evaluation::DatasetSources(),
                                       dir_.path("state"), "");
    EXPECT_TRUE(loaded.ok()) << loaded.status().ToString();
    catalogue_ = std::move(*loaded);
    WriteText(path, *text);
    return catalogue_->all().front();
  }

  Json BundleOf(const LoadedSuite& suite) {
    const auto bundle = catalogue_->OpenBundle(suite.bundle_digest);
    EXPECT_TRUE(bundle.ok()) << bundle.status().ToString();
    const auto json = ParseJson((*bundle)->bytes());
    EXPECT_TRUE(json.ok()) << json.status().ToString();
    return *json;
  }

  TempDir dir_;
  std::unique_ptr<SuiteCatalogue> catalogue_;
};

TEST_F(SuitesTest, TheRoundingOfASuiteIsInItsBundleAndItsDigest) {
  const LoadedSuite plain = Load("");
  EXPECT_FALSE(BundleOf(plain).contains("logits_dtype"));
  const LoadedSuite rounding = Load("logits_dtype: as_model\n");
  EXPECT_EQ(BundleOf(rounding)["logits_dtype"], "as_model");
  EXPECT_NE(rounding.bundle_digest, plain.bundle_digest);
}

TEST_F(SuitesTest, ADefinitionKeepsTheRoundingAndWithoutOneStaysAsItWas) {
  evaluation::Suite suite = Load("").suite;
  EXPECT_FALSE(SuiteToJson(suite).contains("logits_dtype"));
  suite.logits_dtype = "as_model";
  const auto read = SuiteFromJson(SuiteToJson(suite));
  ASSERT_TRUE(read.ok()) << read.status().ToString();
  EXPECT_EQ(read->logits_dtype, "as_model");
}

TEST_F(SuitesTest, WhatARequestGeneratesIsTheMostOfItsTasksUpToItsLimit) {
  EXPECT_EQ(Load("").generation.new_tokens, 0);
  WriteText(dir_.path("tasks/toy_text.yaml"), kGenerating);
  const LoadedSuite& suite = Load("  - name: Text\n    task: toy_text\n    metric: exact_match\n");
  EXPECT_EQ(suite.generation.new_tokens, 77);
  EXPECT_EQ(suite.generation.documents, 4);
  core::RequestSpec spec;
  spec.suite = suite.suite.name;
  EXPECT_EQ(catalogue_->GenerationOf(spec).documents, 4);
  spec.limit = 3;
  EXPECT_EQ(catalogue_->GenerationOf(spec).documents, 3);
  spec.suite = "gone";
  EXPECT_EQ(catalogue_->GenerationOf(spec).new_tokens, 0);
}

}  // namespace
}  // namespace koeval::service
