// config.json of each family, in both generations, and what is refused.
#include "common/model/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>

#include "common/model/families.h"
#include "tests/common/model/checkpoint_maker.h"

namespace koeval::model {
namespace {

using testing::HasSubstr;

std::string GoldenDir(const std::string& model) {
  const char* source = std::getenv("KOEVAL_SOURCE_DIR");
  return std::string(source == nullptr ? "." : source) + "/tests/golden/models/" + model;
}

DecoderSpec Golden(const std::string& model) {
  const auto config = ReadModelConfig(GoldenDir(model));
  EXPECT_TRUE(config.ok()) << config.status().ToString();
  return config.ok() ? config->spec : DecoderSpec{};
}

Result<DecoderSpec> Parse(const std::string& text) {
  const auto json = ParseJson(text);
  EXPECT_TRUE(json.ok()) << json.status().ToString();
  return ParseDecoderSpec(*json);
}

// A small Llama with `extra` fields, such as R"(,"hidden_act":"relu")".
Result<DecoderSpec> Llama(const std::string& extra) {
  return Parse(R"({"architectures":["LlamaForCausalLM"],"model_type":"llama","hidden_size":64,)"
               R"("num_attention_heads":4,"num_hidden_layers":2,"intermediate_size":96)" +
               extra + "}");
}

TEST(ConfigTest, LlamaWithGroupedHeadsTiedAndScaledRope) {
  const DecoderSpec spec = Golden("llama3_gqa");
  EXPECT_EQ(spec.heads, 4);
  EXPECT_EQ(spec.kv_heads, 2);
  EXPECT_EQ(spec.head_dim, 16);
  EXPECT_TRUE(spec.tied_head);
  EXPECT_EQ(spec.head.weight, spec.embedding);
  EXPECT_EQ(spec.ropes[0].kind, RopeKind::kLlama3);
  EXPECT_EQ(spec.ropes[0].theta, 500000);
  EXPECT_EQ(spec.ropes[0].original_positions, 64);
  EXPECT_EQ(spec.stored_dtype, "bfloat16");
  EXPECT_EQ(spec.layers.size(), 3u);
}

TEST(ConfigTest, GptNeoxInBothResidualFormsAndBothGenerations) {
  const DecoderSpec parallel = Golden("gpt_neox");
  EXPECT_EQ(parallel.residual, Residual::kParallel);
  EXPECT_EQ(parallel.ropes[0].dim, 6);
  EXPECT_EQ(parallel.qkv_layout, QkvLayout::kFusedGrouped);
  EXPECT_TRUE(parallel.layers[0].mlp.gate.weight.empty());
  const DecoderSpec serial = Golden("gpt_neox_serial");
  EXPECT_EQ(serial.residual, Residual::kSerial);
  EXPECT_EQ(serial.ropes[0].dim, 4);
  EXPECT_FALSE(serial.layers[0].qkv.bias.empty());
}

TEST(ConfigTest, Gpt2HasLearnedPositionsAndTransposedWeights) {
  const DecoderSpec spec = Golden("gpt2");
  EXPECT_EQ(spec.ropes[0].kind, RopeKind::kNone);
  EXPECT_EQ(spec.position_embedding, "transformer.wpe.weight");
  EXPECT_TRUE(spec.layers[0].qkv.transposed);
  EXPECT_EQ(spec.mlp_size, 160);
  EXPECT_EQ(spec.activation, Activation::kGeluTanh);
  EXPECT_TRUE(spec.tied_head);
  EXPECT_DOUBLE_EQ(spec.layers[1].score_scale, 1 / std::sqrt(10.0));
}

TEST(ConfigTest, Gpt2ScalesByLayerWhenToldSo) {
  const auto spec = Parse(R"({"model_type":"gpt2","n_embd":16,"n_head":4,"n_layer":3,)"
                          R"("scale_attn_by_inverse_layer_idx":true})");
  ASSERT_TRUE(spec.ok()) << spec.status().ToString();
  EXPECT_DOUBLE_EQ(spec->layers[2].score_scale, 0.5 / 3);
}

TEST(ConfigTest, MistralWindowIsTheClassDefaultUnlessGivenOrNull) {
  EXPECT_EQ(Golden("mistral").layers[0].window, 24);
  const std::string start = R"({"model_type":"mistral","num_hidden_layers":1)";
  EXPECT_EQ(Parse(start + "}")->layers[0].window, 4096);
  EXPECT_EQ(Parse(start + R"(,"sliding_window":null})")->layers[0].window, 0);
  EXPECT_EQ(Parse(start + "}")->kv_heads, 8);
  EXPECT_EQ(Parse(start + R"(,"num_key_value_heads":null})")->kv_heads, 32);
}

TEST(ConfigTest, Qwen2UsesItsWindowOnlyWhenToldAndOnLaterLayers) {
  const DecoderSpec golden = Golden("qwen2");
  EXPECT_EQ(golden.layers[2].window, 0);
  EXPECT_FALSE(golden.layers[0].q.bias.empty());
  EXPECT_TRUE(golden.layers[0].attention_out.bias.empty());
  const std::string start =
      R"({"model_type":"qwen2","num_hidden_layers":3,"sliding_window":16,"max_window_layers":1)";
  const auto off = Parse(start + "}");
  EXPECT_EQ(off->layers[2].window, 0);
  const auto on = Parse(start + R"(,"use_sliding_window":true})");
  EXPECT_EQ(on->layers[0].window, 0);
  EXPECT_EQ(on->layers[1].window, 16);
  const auto typed =
      Parse(start + R"(,"use_sliding_window":true,"layer_types":["sliding_attention",)"
                    R"("full_attention","sliding_attention"]})");
  EXPECT_EQ(typed->layers[0].window, 16);
  EXPECT_EQ(typed->layers[1].window, 0);
}

TEST(ConfigTest, AbsentKeysAreTheClassDefaults) {
  const auto llama = Parse(R"({"model_type":"llama"})");
  ASSERT_TRUE(llama.ok()) << llama.status().ToString();
  EXPECT_EQ(llama->vocab_size, 32000);
  EXPECT_EQ(llama->norm_epsilon, 1e-6);
  EXPECT_EQ(llama->kv_heads, 32);
  EXPECT_EQ(ParameterCount(*llama), 6'738'415'616);
  const auto gpt2 = Parse(R"({"architectures":["GPT2LMHeadModel"]})");
  ASSERT_TRUE(gpt2.ok()) << gpt2.status().ToString();
  EXPECT_EQ(ParameterCount(*gpt2), 124'439'808);
}

TEST(ConfigTest, BothSpellingsOfRopeGiveTheSameSpec) {
  const auto older =
      Llama(R"(,"rope_theta":50000.0,"rope_scaling":{"type":"linear","factor":4.0})");
  const auto newer =
      Llama(R"(,"rope_parameters":{"rope_theta":50000.0,"rope_type":"linear","factor":4.0})");
  ASSERT_TRUE(older.ok() && newer.ok());
  EXPECT_EQ(RopeFrequencies(older->ropes[0]), RopeFrequencies(newer->ropes[0]));
  EXPECT_FLOAT_EQ(RopeFrequencies(older->ropes[0])[0], 0.25f);
}

TEST(RopeTest, Llama3LeavesHighFrequenciesAndDividesLowOnes) {
  const auto spec = Llama(
      R"(,"head_dim":64,"rope_parameters":{"rope_theta":500000.0,"rope_type":"llama3","factor":8.0,)"
      R"("low_freq_factor":1.0,"high_freq_factor":4.0,"original_max_position_embeddings":8192})");
  const auto plain =
      Llama(R"(,"head_dim":64,"rope_parameters":{"rope_theta":500000.0,"rope_type":"default"})");
  ASSERT_TRUE(spec.ok() && plain.ok()) << spec.status().ToString();
  const auto scaled = RopeFrequencies(spec->ropes[0]);
  const auto base = RopeFrequencies(plain->ropes[0]);
  EXPECT_EQ(scaled.front(), base.front());
  EXPECT_FLOAT_EQ(scaled.back(), base.back() / 8);
}

TEST(RopeTest, YarnGrowsCosinesByItsFactorUnlessGiven) {
  const std::string start =
      R"(,"rope_parameters":{"rope_type":"yarn","factor":8.0,"original_max_position_embeddings":64)";
  EXPECT_DOUBLE_EQ(Llama(start + "}")->ropes[0].attention_scaling, 0.1 * std::log(8.0) + 1);
  EXPECT_DOUBLE_EQ(Llama(start + R"(,"attention_factor":1.5})")->ropes[0].attention_scaling, 1.5);
  EXPECT_DOUBLE_EQ(
      Llama(start + R"(,"mscale":1.0,"mscale_all_dim":1.0})")->ropes[0].attention_scaling, 1);
}

TEST(ConfigTest, HarmlessKeysAndUnusedOnesPass) {
  EXPECT_TRUE(
      Llama(R"(,"_name_or_path":"x","use_cache":true,"pretraining_tp":2,"id2label":{"0":"a"},)"
            R"("quantization_config":null,"logit_scale":null,"some_flag":false,)"
            R"("sliding_window":4096,"auto_map":{"AutoModelForCausalLM":"x.Y"})")
          .ok());
}

struct Refusal {
  const char* name;
  std::string extra;
  Code code;
  const char* text;
};

void PrintTo(const Refusal& refusal, std::ostream* out) {
  *out << refusal.name;
}

class RefusalTest : public testing::TestWithParam<Refusal> {};

TEST_P(RefusalTest, NamesTheField) {
  const auto spec = Llama(GetParam().extra);
  ASSERT_FALSE(spec.ok());
  EXPECT_EQ(spec.status().code(), GetParam().code) << spec.status().ToString();
  EXPECT_THAT(spec.status().message(), HasSubstr(GetParam().text));
}

constexpr Code kBad = Code::kInvalidArgument;
constexpr Code kNot = Code::kUnimplemented;
INSTANTIATE_TEST_SUITE_P(
    Fields, RefusalTest,
    testing::Values(
        Refusal{"UnknownKey", R"(,"logit_scale":0.5)", kNot, "\"logit_scale\""},
        Refusal{"Quantised", R"(,"quantization_config":{"bits":4})", kNot, "quantised"},
        Refusal{"DynamicRope", R"(,"rope_scaling":{"type":"dynamic","factor":2.0})", kNot,
                "dynamic"},
        Refusal{"UnknownRopeField", R"(,"rope_scaling":{"type":"linear","factor":2.0,"warp":3})",
                kNot, "warp"},
        Refusal{"RopeFactorMissing", R"(,"rope_scaling":{"type":"linear"})", kBad, "factor"},
        Refusal{"RopeTypesDiffer",
                R"(,"rope_scaling":{"type":"linear","rope_type":"yarn","factor":2.0})", kBad,
                "\"type\""},
        Refusal{"RopeIsNoObject", R"(,"rope_scaling":[1])", kBad, "rope_scaling"},
        Refusal{"UnknownActivation", R"(,"hidden_act":"mish")", kNot, "mish"},
        Refusal{"VocabIsText", R"(,"vocab_size":"many")", kBad, "vocab_size"},
        Refusal{"VocabIsZero", R"(,"vocab_size":0)", kBad, "vocab_size"},
        Refusal{"VocabIsHuge", R"(,"vocab_size":18446744073709551615)", kBad, "vocab_size"},
        Refusal{"HeadsDoNotDivide", R"(,"num_key_value_heads":3)", kBad, "num_key_value_heads"},
        Refusal{"HeadDimOdd", R"(,"head_dim":7)", kBad, "odd"},
        Refusal{"BoolIsNumber", R"(,"tie_word_embeddings":1)", kBad, "tie_word_embeddings"}),
    [](const auto& refusal) { return refusal.param.name; });

TEST(FamilyChoiceTest, UnknownArchitecturesAreNamedWithTheSupportedOnes) {
  const auto spec = Parse(R"({"architectures":["FancyForCausalLM"],"model_type":"fancy"})");
  EXPECT_EQ(spec.status().code(), kNot);
  EXPECT_THAT(spec.status().message(), HasSubstr("UNSUPPORTED_ARCHITECTURE: "));
  EXPECT_THAT(spec.status().message(), HasSubstr("FancyForCausalLM"));
  EXPECT_THAT(spec.status().message(), HasSubstr(SupportedArchitectures()));
}

TEST(FamilyChoiceTest, TheTextPartOfAMultimodalModelIsReadWithWhatStandsBesideIt) {
  const std::string start =
      R"({"architectures":["Gemma3ForConditionalGeneration"],"model_type":"gemma3",)"
      R"("mm_tokens_per_image":256,"torch_dtype":"bfloat16","vision_config":{"image_size":896},)";
  const auto spec = Parse(start + R"("text_config":{"model_type":"gemma3_text","hidden_size":2560,)"
                                  R"("num_hidden_layers":34,"sliding_window":1024}})");
  ASSERT_TRUE(spec.ok()) << spec.status().ToString();
  EXPECT_TRUE(spec->text_part);
  EXPECT_EQ(spec->hidden_size, 2560);
  EXPECT_EQ(spec->layers.size(), 34U);
  EXPECT_EQ(spec->layers[0].window, 1024);
  EXPECT_EQ(spec->stored_dtype, "bfloat16");
  EXPECT_TRUE(spec->tied_head);
  EXPECT_THAT(Parse(start + R"("text_config":3})").status().message(),
              HasSubstr("BAD_CHECKPOINT: config.json: field \"text_config\""));
  EXPECT_THAT(Parse(start + R"("text_config":{"hidden_size":0}})").status().message(),
              HasSubstr("config.json: text_config"));
  EXPECT_THAT(Parse(start + R"("text_config":{},"warp":3})").status().message(), HasSubstr("warp"));
  EXPECT_THAT(
      Parse(start + R"("quantization_config":{"bits":4},"text_config":{}})").status().message(),
      HasSubstr("quantization_config"));
}

TEST(FamilyChoiceTest, RepositoryCodeIsNeverRun) {
  const auto spec = Parse(
      R"({"architectures":["FancyForCausalLM"],"model_type":"fancy","auto_map":{"AutoConfig":"c.C"}})");
  EXPECT_EQ(spec.status().code(), kNot);
  EXPECT_THAT(spec.status().message(), HasSubstr("REMOTE_CODE_REQUIRED: "));
}

TEST(FamilyChoiceTest, ContradictionsAreRefused) {
  EXPECT_EQ(
      Parse(R"({"architectures":["MistralForCausalLM"],"model_type":"llama"})").status().code(),
      kBad);
  EXPECT_EQ(Parse(R"({"architectures":["LlamaForSequenceClassification"],"model_type":"llama"})")
                .status()
                .code(),
            kNot);
  EXPECT_FALSE(Parse("[]").ok());
  EXPECT_FALSE(Parse("{}").ok());
}

TEST(ReadModelConfigTest, MissingAndBrokenFilesNameThePath) {
  const ScratchModel scratch;
  EXPECT_EQ(ReadModelConfig(scratch.dir()).status().code(), Code::kNotFound);
  scratch.WriteFile("config.json", R"({"a":1,"a":2})");
  const Status status = ReadModelConfig(scratch.dir()).status();
  EXPECT_EQ(status.code(), kBad);
  EXPECT_THAT(status.message(), HasSubstr("BAD_CHECKPOINT: " + scratch.dir() + "/config.json"));
}

int64_t MaxLength(const std::string& text, std::optional<int64_t> tokenizer = std::nullopt) {
  ModelConfig config;
  config.json = *ParseJson(text);
  const auto spec = ParseDecoderSpec(config.json);
  EXPECT_TRUE(spec.ok()) << spec.status().ToString();
  config.spec = *spec;
  return EvaluationMaxLength(config, tokenizer);
}

TEST(EvaluationMaxLengthTest, TakesTheFirstLengthFieldOfTheConfigClass) {
  EXPECT_EQ(MaxLength(R"({"model_type":"gpt2","n_positions":256,"n_ctx":99})"), 256);
  EXPECT_EQ(MaxLength(R"({"model_type":"gpt2","n_ctx":99})"), 1024);
  EXPECT_EQ(MaxLength(R"({"model_type":"llama","max_position_embeddings":720})", 77), 720);
  EXPECT_EQ(MaxLength(R"({"model_type":"llama"})", 77), 2048);
  EXPECT_EQ(MaxLength(R"({"model_type":"mistral","sliding_window":24})"), 131072);
}

TEST(MemoryTest, EstimateGrowsWithTokensAndHoldsTheWeights) {
  const DecoderSpec spec = Golden("llama");
  const MemoryNeed small = EstimateMemory(spec, 4, 128, 0);
  const MemoryNeed large = EstimateMemory(spec, 4, 2048, 1024);
  EXPECT_EQ(small.weights, ParameterCount(spec) * 4);
  EXPECT_GT(large.key_values, small.key_values);
  EXPECT_GT(large.activations, small.activations);
  EXPECT_EQ(large.Total(), large.weights + large.key_values + large.activations);
}

}  // namespace
}  // namespace koeval::model
