// Deltas are found, and ordinary models with such names are not refused.
#include "common/hub/delta_signs.h"

#include <gmock/gmock.h>

namespace koeval::hub {
namespace {

using testing::HasSubstr;

DeltaVerdict Verdict(const std::string& name, const std::string& readme = "") {
  return FindDeltaSigns(name, ParseModelCard(readme), readme).verdict;
}

constexpr char kVicuna[] =
    "---\ninference: false\n---\n**NOTE: This \"delta model\" cannot be used directly.**\n"
    "Users have to apply it on top of the original LLaMA weights to get actual weights.";

TEST(DeltaSigns, KnownDeltasAreDeltas) {
  EXPECT_EQ(Verdict("vicuna-13b-delta-v1.1", kVicuna), DeltaVerdict::kIs);
  EXPECT_EQ(Verdict("vicuna-7b-delta-v0", kVicuna), DeltaVerdict::kIs);
  EXPECT_EQ(Verdict("stable-vicuna-13b-delta",
                    "StableVicuna cannot be used from these weights alone: apply_delta.py gives "
                    "the model."),
            DeltaVerdict::kIs);
  EXPECT_EQ(Verdict("LLaVA-7b-delta-v0", "These are delta weights."), DeltaVerdict::kIs);
  EXPECT_EQ(Verdict("oasst-sft-6-llama-30b-xor", "the XOR weights of the models"),
            DeltaVerdict::kIs);
  EXPECT_EQ(Verdict("m", "---\ntags: [Delta-Weights]\n---\n"), DeltaVerdict::kIs);
  EXPECT_EQ(Verdict("m", "---\nbase_model_relation: delta\n---\n"), DeltaVerdict::kIs);
}

TEST(DeltaSigns, OneSignAloneIsAWarning) {
  EXPECT_EQ(Verdict("vicuna-13b-delta-v1.1"), DeltaVerdict::kPerhaps);
  EXPECT_EQ(Verdict("nova-delta", "A model of our own."), DeltaVerdict::kPerhaps);
  EXPECT_EQ(Verdict("Nova_Delta.2"), DeltaVerdict::kPerhaps);
  EXPECT_EQ(Verdict("merged", kVicuna), DeltaVerdict::kPerhaps);
  EXPECT_THAT(FindDeltaSigns("Vicuna-7B-Delta-v1.1", {}, "").what, HasSubstr("\"-Delta-v1.1\""));
}

TEST(DeltaSigns, OrdinaryModelsHaveNone) {
  for (const char* name :
       {"delta", "delta-7b", "deltalm-base", "Delta-Vector-12B", "gated-deltanet-1.3B",
        "delta-v1.1", "llama-7b-delta-merged", "llama-delta-7b", "xor", "llama-7b-v1.1", "llama",
        "1.1", "", "-", "gammadelta", "llama-7b-deltas"}) {
    EXPECT_EQ(Verdict(name), DeltaVerdict::kNone) << name;
  }
  EXPECT_EQ(Verdict("vicuna-13b", "Made with apply_delta from the delta weights of lmsys."),
            DeltaVerdict::kNone)
      << "a merged model says how it was made";
  EXPECT_EQ(Verdict("m", "The Mississippi delta. This model cannot be called a large one."),
            DeltaVerdict::kNone);
  EXPECT_EQ(Verdict("m", "---\nbase_model_relation: finetune\ntags: [delta]\n---\n"),
            DeltaVerdict::kNone);
}

}  // namespace
}  // namespace koeval::hub
