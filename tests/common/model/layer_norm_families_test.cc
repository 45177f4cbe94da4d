// What config.json means in the families with LayerNorm: GPT-J, OPT, BLOOM, Falcon, Cohere,
// StableLM. Their golden files, both generations, what is refused.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>

#include "common/model/config.h"

namespace koeval::model {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

DecoderSpec Golden(const std::string& model) {
  const char* source = std::getenv("KOEVAL_SOURCE_DIR");
  const auto config = ReadModelConfig(std::string(source == nullptr ? "." : source) +
                                      "/tests/golden/models/" + model);
  EXPECT_TRUE(config.ok()) << config.status().ToString();
  return config.ok() ? config->spec : DecoderSpec{};
}

Result<DecoderSpec> Parse(const std::string& fields) {
  const auto json = ParseJson("{" + fields + "}");
  EXPECT_TRUE(json.ok()) << json.status().ToString();
  return ParseDecoderSpec(*json);
}

DecoderSpec Spec(const std::string& fields) {
  auto spec = Parse(fields);
  EXPECT_TRUE(spec.ok()) << spec.status().ToString();
  return spec.ok() ? std::move(spec).value() : DecoderSpec{};
}

TEST(ParameterCountTest, IsThatOfPublishedCheckpoints) {
  EXPECT_EQ(ParameterCount(Spec(R"("model_type":"gptj")")), 6'050'882'784);  // gpt-j-6b
  EXPECT_EQ(ParameterCount(Spec(R"("model_type":"opt")")), 125'239'296);     // opt-125m
  EXPECT_EQ(ParameterCount(Spec(R"("model_type":"opt","hidden_size":1024,"ffn_dim":4096,
      "num_hidden_layers":24,"num_attention_heads":16,"word_embed_proj_dim":512,
      "do_layer_norm_before":false)")),
            331'196'416);  // opt-350m
  EXPECT_EQ(ParameterCount(Spec(R"("model_type":"bloom","n_embed":1024,"n_layer":24,
      "num_attention_heads":16)")),
            559'214'592);                                                        // bloom-560m
  EXPECT_EQ(ParameterCount(Spec(R"("model_type":"falcon")")), 6'921'720'704);    // falcon-7b
  EXPECT_EQ(ParameterCount(Spec(R"("model_type":"stablelm")")), 2'795'443'200);  // 3b-4e1t
  EXPECT_EQ(ParameterCount(Spec(R"("model_type":"cohere")")), 34'980'831'232);   // command-r
}

TEST(GptjTest, RotatesNeighboursAndReadsOneNorm) {
  const DecoderSpec spec = Golden("gptj");
  EXPECT_TRUE(spec.ropes[0].interleaved);
  EXPECT_EQ(spec.ropes[0].dim, 4);
  EXPECT_EQ(spec.residual, Residual::kParallelOneNorm);
  EXPECT_TRUE(spec.float32_scores);
  EXPECT_EQ(spec.head.bias, "lm_head.bias");
  EXPECT_TRUE(spec.layers[0].mlp_norm.weight.empty());
}

TEST(GptjTest, RotaryDimMustFitAHead) {
  for (const char* dim : {"null", "3", "512"}) {
    const auto spec = Parse(R"("model_type":"gptj","rotary_dim":)" + std::string(dim));
    EXPECT_EQ(spec.status().code(), Code::kInvalidArgument) << dim;
    EXPECT_THAT(spec.status().message(), HasSubstr("\"rotary_dim\"")) << dim;
  }
}

TEST(OptTest, NormsLieBeforeOrAfter) {
  const DecoderSpec before = Golden("opt");
  EXPECT_EQ(before.residual, Residual::kSerial);
  EXPECT_EQ(before.final_norm.weight, "model.decoder.final_layer_norm.weight");
  EXPECT_EQ(before.position_offset, 2);
  EXPECT_EQ(before.EmbeddingSize(), 32);
  const DecoderSpec after = Golden("opt_post_norm");
  EXPECT_EQ(after.residual, Residual::kNormOfSum);
  EXPECT_TRUE(after.final_norm.weight.empty());
  EXPECT_TRUE(after.layers[0].attention_norm.weight.empty());
  EXPECT_EQ(after.EmbeddingSize(), 24);
  EXPECT_EQ(after.head_in.out, 24);
}

// The leading underscore does not make this key harmless.
TEST(OptTest, OldFilesMayLackTheFinalNorm) {
  const DecoderSpec spec = Spec(R"("model_type":"opt","_remove_final_layer_norm":true)");
  EXPECT_TRUE(spec.final_norm.weight.empty());
  const auto bare = Parse(R"("model_type":"opt","layer_norm_elementwise_affine":false)");
  EXPECT_THAT(bare.status().message(), HasSubstr("\"layer_norm_elementwise_affine\""));
}

TEST(AlibiTest, SlopesArePowersAndOddPowersOfTheNextSet) {
  EXPECT_THAT(AlibiSlopes(4), ElementsAre(0.25f, 0.0625f, 0.015625f, 0.00390625f));
  EXPECT_THAT(AlibiSlopes(6), ElementsAre(0.25f, 0.0625f, 0.015625f, 0.00390625f, 0.5f, 0.125f));
  EXPECT_THAT(AlibiSlopes(1), ElementsAre(0.00390625f));
}

TEST(BloomTest, ReadsBothNamesOfItsSizes) {
  const DecoderSpec golden = Golden("bloom");
  EXPECT_EQ(golden.hidden_size, 48);
  EXPECT_EQ(golden.alibi.slopes, AlibiSlopes(6));
  EXPECT_FALSE(golden.alibi.bfloat16);
  EXPECT_FALSE(golden.embedding_norm.bias.empty());
  const DecoderSpec newer = Spec(R"("model_type":"bloom","hidden_size":48,"n_head":6)");
  EXPECT_EQ(newer.hidden_size, 48);
  EXPECT_EQ(newer.heads, 6);
  const auto two = Parse(R"("model_type":"bloom","n_head":8,"num_attention_heads":16)");
  EXPECT_EQ(two.status().code(), Code::kInvalidArgument);
  EXPECT_THAT(two.status().message(), HasSubstr("\"num_attention_heads\""));
  const auto residual =
      Parse(R"("model_type":"bloom","apply_residual_connection_post_layernorm":true)");
  EXPECT_THAT(residual.status().message(), HasSubstr("apply_residual_connection_post_layernorm"));
}

TEST(FalconTest, ThreeGenerationsOfLayers) {
  const DecoderSpec multi_query = Golden("falcon");
  EXPECT_EQ(multi_query.kv_heads, 1);
  EXPECT_EQ(multi_query.residual, Residual::kParallelOneNorm);
  EXPECT_TRUE(multi_query.alibi.slopes.empty());
  const DecoderSpec newer = Golden("falcon_new");
  EXPECT_EQ(newer.kv_heads, 2);
  EXPECT_EQ(newer.residual, Residual::kParallel);
  EXPECT_EQ(newer.layers[0].mlp_norm.weight, "transformer.h.0.ln_mlp.weight");
  const DecoderSpec alibi = Golden("falcon_alibi");
  EXPECT_EQ(alibi.kv_heads, 6);
  EXPECT_EQ(alibi.residual, Residual::kSerial);
  EXPECT_EQ(alibi.ropes[0].kind, RopeKind::kNone);
  EXPECT_TRUE(alibi.alibi.bfloat16);
  EXPECT_DOUBLE_EQ(alibi.alibi.scale, 1 / std::sqrt(8.0));
  const DecoderSpec one_norm = Spec(R"("model_type":"falcon","new_decoder_architecture":true,
      "num_ln_in_parallel_attn":1,"num_attention_heads":64,"num_kv_heads":8,"hidden_size":4096)");
  EXPECT_EQ(one_norm.residual, Residual::kParallelOneNorm);
}

TEST(FalconTest, LayersThatTheClassCannotRunAreRefused) {
  const std::string newer =
      R"("model_type":"falcon","new_decoder_architecture":true,"num_attention_heads":64,)"
      R"("hidden_size":4096,)";
  EXPECT_THAT(Parse(newer + R"("parallel_attn":false)").status().message(),
              HasSubstr("\"parallel_attn\""));
  EXPECT_THAT(Parse(newer + R"("num_kv_heads":3)").status().message(),
              HasSubstr("\"num_kv_heads\""));
  EXPECT_THAT(Parse(R"("model_type":"falcon","num_ln_in_parallel_attn":2)").status().message(),
              HasSubstr("\"num_ln_in_parallel_attn\""));
}

TEST(CohereTest, ScalesLogitsAndNormsEachHead) {
  const DecoderSpec spec = Golden("cohere");
  EXPECT_EQ(spec.logit_scale, 0.4);
  EXPECT_EQ(spec.qk_norm, QkNorm::kEachHead);
  EXPECT_TRUE(spec.ropes[0].interleaved);
  EXPECT_TRUE(spec.tied_head);
  EXPECT_TRUE(spec.final_norm.bias.empty());
  EXPECT_EQ(Spec(R"("model_type":"cohere")").logit_scale, 0.0625);
}

TEST(Cohere2Test, LayersWithAWindowRotateAndGlobalOnesDoNot) {
  const DecoderSpec spec = Golden("cohere2");
  for (const size_t local : {0u, 1u, 2u}) {
    EXPECT_EQ(spec.layers[local].window, 24);
    EXPECT_EQ(spec.ropes[spec.layers[local].rope].kind, RopeKind::kDefault);
  }
  EXPECT_EQ(spec.layers[3].window, 0);
  EXPECT_EQ(spec.ropes[spec.layers[3].rope].kind, RopeKind::kNone);
  const DecoderSpec older = Spec(R"("model_type":"cohere2","num_hidden_layers":4,
      "sliding_window":24,"sliding_window_pattern":2,"position_embedding_type":"rope_gptj",
      "rotary_pct":1.0,"use_parallel_block":true,"layer_switch":2)");
  EXPECT_EQ(older.layers[1].window, 0);
  EXPECT_EQ(older.layers[2].window, 24);
  EXPECT_THAT(Parse(R"("model_type":"cohere2","use_parallel_block":false)").status().message(),
              HasSubstr("\"use_parallel_block\""));
}

TEST(StableLmTest, BothGenerationsOfItsLayers) {
  const DecoderSpec serial = Golden("stablelm");
  EXPECT_EQ(serial.residual, Residual::kSerial);
  EXPECT_EQ(serial.ropes[0].dim, 4);  // a quarter of 16, the default of the class
  EXPECT_FALSE(serial.layers[0].q.bias.empty());
  EXPECT_TRUE(serial.layers[0].attention_out.bias.empty());
  const DecoderSpec parallel = Golden("stablelm_parallel");
  EXPECT_EQ(parallel.residual, Residual::kParallelOneNorm);
  EXPECT_EQ(parallel.ropes[0].dim, 6);
  EXPECT_THAT(parallel.layers[0].k_norm.head_weights,
              ElementsAre("model.layers.0.self_attn.k_layernorm.norms.0.weight",
                          "model.layers.0.self_attn.k_layernorm.norms.1.weight"));
}

}  // namespace
}  // namespace koeval::model
