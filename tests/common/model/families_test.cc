// What the config.json of each family means: golden files, class defaults, both generations.
#include "common/model/families.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <numeric>
#include <set>

#include "common/base/file.h"
#include "common/base/json.h"
#include "common/model/config.h"

namespace koeval::model {
namespace {

using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;

std::string GoldenFile(const std::string& name) {
  const char* source = std::getenv("KOEVAL_SOURCE_DIR");
  return std::string(source == nullptr ? "." : source) + "/tests/golden/" + name;
}

DecoderSpec Golden(const std::string& model) {
  const auto config = ReadModelConfig(GoldenFile("models/" + model));
  EXPECT_TRUE(config.ok()) << config.status().ToString();
  return config.ok() ? config->spec : DecoderSpec{};
}

// A config.json of `type` with `fields` such as R"("num_hidden_layers":2)".
Result<DecoderSpec> Parse(const std::string& type, const std::string& fields = "") {
  const auto json =
      ParseJson(R"({"model_type":")" + type + "\"" + (fields.empty() ? "" : "," + fields) + "}");
  EXPECT_TRUE(json.ok()) << json.status().ToString();
  return ParseDecoderSpec(*json);
}

DecoderSpec Spec(const std::string& type, const std::string& fields = "") {
  auto spec = Parse(type, fields);
  EXPECT_TRUE(spec.ok()) << spec.status().ToString();
  return spec.ok() ? std::move(spec).value() : DecoderSpec{};
}

std::string Refusal(const std::string& type, const std::string& fields) {
  const auto spec = Parse(type, fields);
  EXPECT_FALSE(spec.ok());
  return spec.status().message();
}

std::vector<int64_t> Windows(const DecoderSpec& spec) {
  std::vector<int64_t> out;
  for (const LayerSpec& layer : spec.layers) out.push_back(layer.window);
  return out;
}

std::vector<size_t> Ropes(const DecoderSpec& spec) {
  std::vector<size_t> out;
  for (const LayerSpec& layer : spec.layers) out.push_back(layer.rope);
  return out;
}

TEST(FamiliesTest, NamesAreUniqueAndFindTheirRow) {
  std::set<std::string_view> types, architectures;
  for (const Family& family : Families()) {
    EXPECT_TRUE(types.insert(family.model_type).second) << family.model_type;
    EXPECT_TRUE(architectures.insert(family.architecture).second) << family.architecture;
    EXPECT_EQ(FindFamilyByType(family.model_type), &family);
    EXPECT_EQ(FindFamilyByArchitecture(family.architecture), &family);
  }
}

TEST(FamiliesTest, AnEmptyConfigIsTheClassDefault) {
  for (const Family& family : Families()) {
    SCOPED_TRACE(family.model_type);
    const DecoderSpec spec = Spec(std::string(family.model_type));
    EXPECT_GT(ParameterCount(spec), 0);
    EXPECT_FALSE(spec.layers.empty());
    for (const LayerSpec& layer : spec.layers) {
      EXPECT_LT(layer.rope, spec.ropes.size());
      EXPECT_GT(layer.score_scale, 0);
    }
  }
}

// The class's own defaults, written out, are what an empty file means.
TEST(FamiliesTest, AbsentKeysAreTheDefaultsOfTheReferenceClass) {
  const auto text = ReadFile(GoldenFile("class_defaults.json"), size_t{1} << 20);
  ASSERT_TRUE(text.ok()) << text.status().ToString();
  const auto stored = ParseJson(*text);
  ASSERT_TRUE(stored.ok()) << stored.status().ToString();
  for (const Family& family : Families()) {
    const std::string type(family.model_type);
    SCOPED_TRACE(type);
    if (type == "exaone") continue;  // has no class in transformers
    const Json* full = JsonFind(stored->at("classes"), type);
    ASSERT_NE(full, nullptr) << "run tests/golden/make_class_defaults.py";
    const auto spec = ParseDecoderSpec(*full);
    ASSERT_TRUE(spec.ok()) << spec.status().ToString();
    EXPECT_TRUE(*spec == Spec(type));
    ModelConfig whole{*full, *spec};
    EXPECT_EQ(EvaluationMaxLength({Json{{"model_type", type}}, *spec}), EvaluationMaxLength(whole));
  }
}

// Published sizes of checkpoints.
TEST(FamiliesTest, ParameterCountsAreThePublishedOnes) {
  EXPECT_EQ(ParameterCount(Spec("gemma2")), 2'614'341'888);  // gemma-2-2b is the class default
  EXPECT_EQ(ParameterCount(Spec("gemma")), 8'537'680'896);   // gemma-7b
  EXPECT_EQ(ParameterCount(Spec("phi3")), 3'821'079'552);    // phi-3-mini
  EXPECT_EQ(ParameterCount(Spec("mixtral")), 46'702'792'704);
  EXPECT_EQ(ParameterCount(Spec("qwen2_moe")), 14'315'784'192);  // Qwen1.5-MoE-A2.7B
  EXPECT_EQ(
      ParameterCount(Spec("qwen3",
                          R"("hidden_size":1024,"intermediate_size":3072,"num_hidden_layers":28,
      "num_attention_heads":16,"num_key_value_heads":8,"tie_word_embeddings":true)")),
      596'049'920);  // Qwen3-0.6B
  EXPECT_EQ(ParameterCount(Spec("exaone",
                                R"("head_dim":128,"hidden_size":4096,"intermediate_size":14336,
      "num_attention_heads":32,"num_key_value_heads":8,"num_layers":32,
      "tie_word_embeddings":false)")),
            7'818'448'896);  // EXAONE-3.0-7.8B
}

TEST(Qwen3Test, HasNormsOfEachHeadAndItsOwnHeadSize) {
  const DecoderSpec spec = Golden("qwen3");
  EXPECT_EQ(spec.qk_norm, QkNorm::kPerHead);
  EXPECT_EQ(spec.head_dim, 16);
  EXPECT_EQ(spec.layers[0].q.out, 64);
  EXPECT_EQ(Spec("qwen3").head_dim, 128);
  EXPECT_TRUE(spec.layers[0].q.bias.empty());
  EXPECT_EQ(Spec("qwen3", R"("attention_bias":true)").layers[0].attention_out.bias,
            "model.layers.0.self_attn.o_proj.bias");
}

TEST(GemmaTest, ScalesEmbeddingsAndIsTiedByDefault) {
  const DecoderSpec spec = Golden("gemma");
  EXPECT_EQ(spec.norm, NormKind::kRmsOnePlus);
  EXPECT_DOUBLE_EQ(spec.embedding_scale, std::sqrt(48.0));
  EXPECT_EQ(spec.activation, Activation::kGeluTanh);
  EXPECT_EQ(spec.kv_heads, 1);
  EXPECT_TRUE(spec.tied_head);
}

TEST(GemmaTest, GeluOfTheFirstFilesIsTheTanhForm) {
  EXPECT_EQ(Spec("gemma", R"("hidden_act":"gelu")").activation, Activation::kGeluTanh);
  EXPECT_EQ(
      Spec("gemma", R"("hidden_act":"gelu","hidden_activation":"gelu_pytorch_tanh")").activation,
      Activation::kGeluTanh);
  EXPECT_THAT(Refusal("gemma", R"("hidden_activation":"relu")"), HasSubstr("hidden_activation"));
}

TEST(GemmaTest, AttentionToLaterTokensIsRefused) {
  for (const char* type : {"gemma", "gemma2", "gemma3_text"}) {
    EXPECT_THAT(Refusal(type, R"("use_bidirectional_attention":true)"),
                HasSubstr("use_bidirectional_attention"));
  }
}

TEST(Gemma2Test, HasFourNormsTwoSoftcapsAndAlternatingWindows) {
  const DecoderSpec spec = Golden("gemma2");
  EXPECT_THAT(Windows(spec), ElementsAre(32, 0, 32, 0));
  EXPECT_EQ(spec.score_softcap, 3);
  EXPECT_EQ(spec.logit_softcap, 12);
  EXPECT_DOUBLE_EQ(spec.layers[0].score_scale, 1 / std::sqrt(20.0));
  EXPECT_EQ(spec.layers[0].attention_post_norm.weight,
            "model.layers.0.post_attention_layernorm.weight");
  EXPECT_EQ(spec.layers[0].mlp_norm.weight, "model.layers.0.pre_feedforward_layernorm.weight");
  EXPECT_EQ(spec.layers[0].mlp_post_norm.weight,
            "model.layers.0.post_feedforward_layernorm.weight");
}

TEST(Gemma2Test, AbsentSoftcapsAreTheDefaultAndNullOnesAreNone) {
  EXPECT_EQ(Spec("gemma2").score_softcap, 50);
  EXPECT_EQ(Spec("gemma2").logit_softcap, 30);
  const DecoderSpec none =
      Spec("gemma2", R"("attn_logit_softcapping":null,"final_logit_softcapping":null)");
  EXPECT_EQ(none.score_softcap, 0);
  EXPECT_EQ(none.logit_softcap, 0);
}

TEST(Gemma2Test, FilesOfTheFirstGenerationAreRead) {
  const DecoderSpec spec =
      Spec("gemma2",
           R"("hidden_act":"gelu_pytorch_tanh","hidden_activation":"gelu_pytorch_tanh",
      "num_hidden_layers":2,"rope_theta":10000.0,"sliding_window":64,"sliding_window_size":64,
      "cache_implementation":"hybrid","torch_dtype":"float32")");
  EXPECT_THAT(Windows(spec), ElementsAre(64, 0));
  EXPECT_THAT(Refusal("gemma2", R"("sliding_window":64,"sliding_window_size":32)"),
              HasSubstr("sliding_window_size"));
}

TEST(Gemma3Test, LocalAndGlobalLayersHaveTheirOwnRope) {
  const DecoderSpec spec = Golden("gemma3_text");
  EXPECT_THAT(Windows(spec), ElementsAre(24, 24, 24, 24, 24, 0, 24));
  EXPECT_THAT(Ropes(spec), ElementsAre(1, 1, 1, 1, 1, 0, 1));
  EXPECT_EQ(spec.ropes[0].kind, RopeKind::kLinear);
  EXPECT_EQ(spec.ropes[0].theta, 50000);
  EXPECT_EQ(spec.ropes[1].kind, RopeKind::kDefault);
  EXPECT_EQ(spec.ropes[1].theta, 10000);
  EXPECT_EQ(spec.qk_norm, QkNorm::kPerHead);
  EXPECT_EQ(spec.logit_softcap, 0);
}

TEST(Gemma3Test, BothSpellingsGiveTheSameSpec) {
  const std::string start = R"("num_hidden_layers":12,)";
  const DecoderSpec older =
      Spec("gemma3_text", start + R"("rope_theta":500000.0,"rope_local_base_freq":20000.0,
      "rope_scaling":{"rope_type":"linear","factor":8.0},"sliding_window_pattern":3)");
  const DecoderSpec newer = Spec("gemma3_text", start + R"("rope_parameters":{
      "full_attention":{"rope_type":"linear","factor":8.0,"rope_theta":500000.0},
      "sliding_attention":{"rope_type":"default","rope_theta":20000.0}},
      "layer_types":["sliding_attention","sliding_attention","full_attention","sliding_attention",
      "sliding_attention","full_attention","sliding_attention","sliding_attention",
      "full_attention","sliding_attention","sliding_attention","full_attention"])");
  EXPECT_EQ(Windows(older), Windows(newer));
  EXPECT_EQ(Ropes(older), Ropes(newer));
  for (const size_t i : {size_t{0}, size_t{1}}) {
    EXPECT_EQ(RopeFrequencies(older.ropes[i]), RopeFrequencies(newer.ropes[i]));
  }
  EXPECT_NE(RopeFrequencies(newer.ropes[0]), RopeFrequencies(newer.ropes[1]));
}

TEST(Gemma3Test, DefaultsAreOneGlobalLayerInSixAndTwoThetas) {
  const DecoderSpec spec = Spec("gemma3_text", R"("num_hidden_layers":7)");
  EXPECT_THAT(Windows(spec), ElementsAre(4096, 4096, 4096, 4096, 4096, 0, 4096));
  EXPECT_EQ(spec.ropes[0].theta, 1'000'000);
  EXPECT_EQ(spec.ropes[1].theta, 10'000);
}

TEST(Gemma3Test, RopeFieldsOutsideTheLayerTypesAreRefused) {
  EXPECT_THAT(Refusal("gemma3_text", R"("rope_parameters":{"rope_theta":5.0})"),
              HasSubstr("rope_theta"));
  EXPECT_THAT(Refusal("gemma3_text", R"("attn_logit_softcapping":50.0)"),
              HasSubstr("attn_logit_softcapping"));
}

TEST(Phi3Test, HasFusedProjections) {
  const DecoderSpec spec = Golden("phi3");
  EXPECT_EQ(spec.qkv_layout, QkvLayout::kFusedStacked);
  EXPECT_EQ(spec.layers[0].qkv.out, 64);
  EXPECT_EQ(spec.layers[0].mlp.gate_up.out, 128);
  EXPECT_TRUE(spec.layers[0].mlp.gate.weight.empty());
  EXPECT_THAT(Windows(spec), Each(40));
  EXPECT_THAT(Windows(Spec("phi3")), Each(0));
}

// 96 dimensions, half of them rotate: 24 factors.
std::string LongRope(const std::string& type, int factors) {
  std::string list = "[";
  for (int i = 0; i < factors; ++i) list += (i == 0 ? "" : ",") + std::to_string(i + 1) + ".5";
  list += "]";
  return R"("max_position_embeddings":131072,"partial_rotary_factor":0.5,"rope_scaling":{"type":")" +
         type + R"(","short_factor":)" + list + R"(,"long_factor":)" + list + "}";
}

TEST(Phi3Test, LongRopeHasThreeNamesAndItsOriginalLengthOutside) {
  for (const char* name : {"longrope", "su", "yarn"}) {
    const DecoderSpec spec = Spec("phi3", LongRope(name, 24));
    EXPECT_EQ(spec.ropes[0].kind, RopeKind::kLongRope);
    EXPECT_EQ(spec.ropes[0].original_positions, 4096);  // the class's own default
    EXPECT_EQ(spec.ropes[0].dim, 48);
    EXPECT_DOUBLE_EQ(spec.ropes[0].attention_scaling,
                     std::sqrt(1 + std::log(32.0) / std::log(4096.0)));
  }
  const DecoderSpec golden = Golden("phi3_longrope");
  EXPECT_EQ(golden.ropes[0].original_positions, 80);
  const auto original = RopeFrequencies(golden.ropes[0], RopeRange::kOriginal);
  const auto extended = RopeFrequencies(golden.ropes[0], RopeRange::kExtended);
  ASSERT_EQ(original.size(), 6u);
  EXPECT_FLOAT_EQ(original[0], 1.0f);
  EXPECT_FLOAT_EQ(extended[0], 1 / 1.2f);
}

TEST(Phi3Test, LongRopeNeedsAFactorForEveryPair) {
  EXPECT_THAT(Refusal("phi3", LongRope("longrope", 23)), HasSubstr("short_factor"));
  EXPECT_THAT(Refusal("phi3", R"("rope_scaling":{"type":"longrope","long_factor":[1]})"),
              HasSubstr("short_factor"));
  EXPECT_THAT(Refusal("phi3", R"("original_max_position_embeddings":64,"rope_scaling":{"type":"su",
      "original_max_position_embeddings":32})"),
              HasSubstr("original_max_position_embeddings"));
}

TEST(MixtralTest, EveryLayerHasItsExperts) {
  const DecoderSpec spec = Golden("mixtral");
  const ExpertsSpec& experts = spec.layers[1].experts;
  EXPECT_EQ(experts.experts.size(), 4u);
  EXPECT_EQ(experts.chosen, 2);
  EXPECT_TRUE(experts.renormalised);
  EXPECT_TRUE(experts.shared_gate.weight.empty());
  EXPECT_EQ(experts.experts[3].up.weight, "model.layers.1.block_sparse_moe.experts.3.w3.weight");
  EXPECT_TRUE(spec.layers[1].mlp.down.weight.empty());
  EXPECT_EQ(spec.head_dim, 8);  // null in the file: hidden / heads
  EXPECT_EQ(Spec("mixtral").ropes[0].theta, 1'000'000);
  EXPECT_EQ(Spec("mixtral", R"("num_experts":3)").layers[0].experts.experts.size(), 3u);
}

TEST(MixtralTest, MoreChosenThanThereAreIsRefused) {
  EXPECT_THAT(Refusal("mixtral", R"("num_local_experts":2,"num_experts_per_tok":3)"),
              HasSubstr("num_experts_per_tok"));
}

TEST(MixtralTest, MoreExpertsThanCanBeLoadedAreRefusedBeforeTheyAreNamed) {
  EXPECT_THAT(Refusal("mixtral", R"("num_hidden_layers":2048,"num_local_experts":4096)"),
              HasSubstr("num_local_experts"));
}

TEST(QwenMoeTest, ExpertsAreWhereStepAndListSay) {
  const DecoderSpec shared = Golden("qwen2_moe");
  EXPECT_FALSE(shared.layers[0].experts.router.weight.empty());
  EXPECT_TRUE(shared.layers[1].experts.router.weight.empty());  // mlp_only_layers
  EXPECT_EQ(shared.layers[0].mlp.down.weight, "model.layers.0.mlp.shared_expert.down_proj.weight");
  EXPECT_EQ(shared.layers[0].mlp.down.in, 40);
  EXPECT_EQ(shared.layers[0].experts.shared_gate.weight,
            "model.layers.0.mlp.shared_expert_gate.weight");
  EXPECT_FALSE(shared.layers[0].experts.renormalised);
  EXPECT_FALSE(shared.layers[0].q.bias.empty());
  const DecoderSpec stepped = Golden("qwen3_moe");
  EXPECT_TRUE(stepped.layers[0].experts.router.weight.empty());
  EXPECT_FALSE(stepped.layers[1].experts.router.weight.empty());
  EXPECT_TRUE(stepped.layers[1].mlp.down.weight.empty());
  EXPECT_EQ(stepped.layers[1].experts.experts.size(), 6u);
  EXPECT_TRUE(stepped.layers[1].experts.renormalised);
}

TEST(QwenMoeTest, WindowsThatGenerationsPlaceDifferentlyAreRefused) {
  EXPECT_THAT(Refusal("qwen3_moe", R"("use_sliding_window":true)"),
              HasSubstr("use_sliding_window"));
  EXPECT_THAT(Windows(Spec("qwen2_moe", R"("num_hidden_layers":4,"use_sliding_window":true,
      "sliding_window":8,"max_window_layers":3)")),
              ElementsAre(8, 0, 8, 0));
  EXPECT_THAT(Refusal("qwen2_moe", R"("mlp_only_layers":["a"])"), HasSubstr("mlp_only_layers"));
}

TEST(Olmo2Test, NormsComeAfterAndSpanTheWholeProjection) {
  const DecoderSpec spec = Golden("olmo2");
  EXPECT_EQ(spec.qk_norm, QkNorm::kWholeProjection);
  EXPECT_EQ(spec.norm, NormKind::kRmsWide);
  EXPECT_TRUE(spec.layers[0].attention_norm.weight.empty());
  EXPECT_TRUE(spec.layers[0].mlp_norm.weight.empty());
  EXPECT_EQ(spec.layers[0].mlp_post_norm.weight,
            "model.layers.0.post_feedforward_layernorm.weight");
}

TEST(Exaone4Test, GlobalLayersOfAHybridDoNotRotate) {
  const DecoderSpec spec = Golden("exaone4");
  EXPECT_THAT(Windows(spec), ElementsAre(20, 20, 20, 0));
  EXPECT_THAT(Ropes(spec), ElementsAre(0, 0, 0, 1));
  EXPECT_EQ(spec.ropes[1].kind, RopeKind::kNone);
  const DecoderSpec plain = Spec(
      "exaone4", R"("num_hidden_layers":4,"sliding_window":null,"sliding_window_pattern":null)");
  EXPECT_THAT(Windows(plain), Each(0));
  EXPECT_THAT(Ropes(plain), Each(0));
}

TEST(Exaone4Test, PatternsAreNumbersOrLettersThatEndInAGlobalLayer) {
  EXPECT_THAT(Windows(Spec("exaone4", R"("num_hidden_layers":4,"sliding_window":8,
      "sliding_window_pattern":2)")),
              ElementsAre(8, 0, 8, 0));
  EXPECT_THAT(Windows(Spec("exaone4", R"("num_hidden_layers":6,"sliding_window":8,
      "sliding_window_pattern":"LLG")")),
              ElementsAre(8, 8, 0, 8, 8, 0));
  EXPECT_THAT(Refusal("exaone4", R"("num_hidden_layers":5,"sliding_window_pattern":"LLG")"),
              HasSubstr("layer_types"));
}

TEST(ExaoneTest, NamesAreThoseOfItsOwnCode) {
  const DecoderSpec spec = Golden("exaone");
  EXPECT_EQ(spec.layers[2].q.weight, "transformer.h.2.attn.attention.q_proj.weight");
  EXPECT_EQ(spec.layers[2].mlp.gate.weight, "transformer.h.2.mlp.c_fc_0.weight");
  EXPECT_EQ(spec.layers[2].mlp.up.weight, "transformer.h.2.mlp.c_fc_1.weight");
  EXPECT_EQ(spec.ropes[0].kind, RopeKind::kLlama3);
  EXPECT_TRUE(spec.tied_head);
  EXPECT_EQ(Spec("exaone", R"("num_hidden_layers":5)").layers.size(), 5u);
  EXPECT_THAT(Refusal("exaone", R"("head_dim":3)"), HasSubstr("head_dim"));
}

TEST(LayerTypesTest, AWindowThatIsNotSetIsNamed) {
  EXPECT_THAT(Refusal("qwen3", R"("num_hidden_layers":1,"layer_types":["sliding_attention"])"),
              HasSubstr("sliding_window"));
  EXPECT_THAT(Refusal("gemma2", R"("num_hidden_layers":2,"layer_types":["full_attention"])"),
              HasSubstr("layer_types"));
  EXPECT_THAT(Refusal("gemma2", R"("num_hidden_layers":1,"layer_types":["chunked_attention"])"),
              HasSubstr("chunked_attention"));
}

TEST(RopeFieldsTest, AFileWithBothSpellingsMustAgree) {
  const std::string linear = R"({"rope_type":"linear","factor":4.0})";
  EXPECT_EQ(Spec("llama", R"("rope_scaling":)" + linear + R"(,"rope_parameters":)" + linear)
                .ropes[0]
                .factor,
            4);
  EXPECT_THAT(Refusal("llama", R"("rope_scaling":)" + linear +
                                   R"(,"rope_parameters":{"rope_type":"default"})"),
              HasSubstr("rope_scaling"));
}

TEST(MemoryTest, SizesThatNoMachineHasStopAtTheLargestNumber) {
  const DecoderSpec spec = Spec("mixtral", R"("num_hidden_layers":1000,"num_local_experts":64,
      "hidden_size":16777216,"intermediate_size":16777216,"head_dim":16777216,
      "num_attention_heads":16777216,"num_key_value_heads":16777216)");
  EXPECT_EQ(ParameterCount(spec), INT64_MAX);
  const MemoryNeed need = EstimateMemory(spec, 4, 8192, 4096);
  EXPECT_EQ(need.weights, INT64_MAX);
  EXPECT_EQ(need.Total(), INT64_MAX);
}

TEST(MemoryTest, ExpertsCountAsWeightsAndTheWidestAsActivations) {
  const DecoderSpec spec = Golden("mixtral");
  int64_t stored = 0;
  for (const TensorNeed& need : NeededTensors(spec)) {
    stored +=
        std::accumulate(need.shape.begin(), need.shape.end(), int64_t{4}, std::multiplies<>());
  }
  const MemoryNeed need = EstimateMemory(spec, 4, 100, 0);
  EXPECT_EQ(need.weights, stored);
  DecoderSpec wider = spec;
  for (MlpSpec& expert : wider.layers[0].experts.experts) expert.down.in *= 10;
  EXPECT_GT(EstimateMemory(wider, 4, 100, 0).activations, need.activations);
}

}  // namespace
}  // namespace koeval::model
