// Loading: shards, stored dtypes, facts, and what is refused.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <limits>

#include "common/base/file.h"
#include "common/model/safetensors.h"
#include "tests/common/model/checkpoint_maker.h"
#include "tests/worker/engine/engine_test_util.h"

namespace koeval::engine {
namespace {

using model::StoredModel;
using testing::HasSubstr;

TEST(LoadTest, ShardsGiveTheLogitsOfTheSingleFile) {
  for (const char* name : {"llama", "gpt_neox", "llama3_gqa"}) {
    const model::ScratchModel sharded(GoldenModelDir(name));
    sharded.Write(StoredModel::Read(GoldenModelDir(name)), /*shards=*/3);
    ASSERT_FALSE(std::filesystem::exists(sharded.dir() + "/model.safetensors"));
    const auto single = LoadGolden(name);
    const auto split = LoadDir(sharded.dir());
    const std::vector<int32_t> ids = {5, 6, 7, 8, 9, 10, 11};
    const auto a = single->Logits(ids);
    const auto b = split->Logits(ids);
    ASSERT_TRUE(a.ok() && b.ok());
    ASSERT_EQ(a->size(), b->size());
    for (size_t i = 0; i < a->size(); ++i) ASSERT_NEAR((*a)[i], (*b)[i], 1e-5);
  }
}

TEST(LoadTest, BaseModelNamesWithoutPrefixAreFound) {
  const model::ScratchModel scratch(GoldenModelDir("gpt2"));
  StoredModel stored = StoredModel::Read(GoldenModelDir("gpt2"));
  for (auto& tensor : stored.tensors) tensor.name = tensor.name.substr(strlen("transformer."));
  scratch.Write(stored, 1);
  const std::vector<int32_t> ids = {5, 6, 7};
  const auto a = LoadGolden("gpt2")->Logits(ids);
  const auto b = LoadDir(scratch.dir())->Logits(ids);
  ASSERT_TRUE(a.ok() && b.ok());
  for (size_t i = 0; i < a->size(); ++i) ASSERT_NEAR((*a)[i], (*b)[i], 1e-5);
}

TEST(LoadTest, FactsNameModelAndHardware) {
  const auto engine = LoadGolden("gpt_neox");
  const ModelFacts& facts = engine->facts();
  EXPECT_EQ(facts.architecture, "GPTNeoXForCausalLM");
  EXPECT_EQ(facts.model_type, "gpt_neox");
  EXPECT_EQ(facts.max_length, 512);
  EXPECT_EQ(facts.dtype, "float32");
  EXPECT_EQ(facts.parameters,
            2 * 1152 * 48 +
                3 * (3 * 48 * 48 + 144 + 48 * 48 + 48 + 2 * 48 * 96 + 96 + 48 + 4 * 48) + 2 * 48);
  EXPECT_THAT(facts.hardware_class, HasSubstr("libtorch"));
  if (TestDevice() == "cpu") {
    EXPECT_THAT(facts.hardware_class, HasSubstr("1 threads"));
  }
}

TEST(LoadTest, Float16ComputesCloseToFloat32) {
  const auto wide = LoadGolden("llama3_gqa");
  const auto narrow = LoadGolden("llama3_gqa", Dtype::kFloat16);
  const std::vector<int32_t> ids = {5, 6, 7, 8, 9};
  const auto a = wide->Logits(ids);
  const auto b = narrow->Logits(ids);
  ASSERT_TRUE(a.ok());
  ASSERT_TRUE(b.ok()) << b.status().ToString();
  for (size_t i = 0; i < a->size(); ++i) ASSERT_NEAR((*a)[i], (*b)[i], 0.1);
}

// Sets every element of one float32 tensor of a copy of a golden model.
std::string WithTensorFilled(const model::ScratchModel& scratch, const std::string& name,
                             float value) {
  StoredModel stored = StoredModel::Read(GoldenModelDir("llama"));
  for (auto& tensor : stored.tensors) {
    if (tensor.name != name) continue;
    for (size_t at = 0; at < tensor.bytes.size(); at += sizeof(value)) {
      std::memcpy(tensor.bytes.data() + at, &value, sizeof(value));
    }
  }
  scratch.Write(stored, 1);
  return scratch.dir();
}

TEST(NumericalFaultTest, NanAndInfiniteLogitsNameTheRequest) {
  for (const float value :
       {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    const model::ScratchModel scratch(GoldenModelDir("llama"));
    const auto engine = LoadDir(WithTensorFilled(scratch, "model.norm.weight", value));
    const plan::Sequence sequence{{1, 2, 3}, {4, 5}};
    const auto alone = engine->RunNaive(std::span(&sequence, 1), 17);
    ASSERT_FALSE(alone.ok());
    EXPECT_EQ(alone.status().code(), Code::kDataLoss);
    EXPECT_THAT(alone.status().message(), HasSubstr("NUMERICAL_FAULT: request 17, target 0"));
    const auto plan = plan::BuildPlan(std::span(&sequence, 1), {});
    ASSERT_TRUE(plan.ok());
    EXPECT_EQ(engine->Run(plan->batches[0]).status().code(), Code::kDataLoss);
  }
}

TEST(LoadTest, RefusalsNameTheRemedy) {
  EXPECT_THAT(LoadEngine(TestOptions("/nonexistent")).status().message(), HasSubstr("config.json"));
  LoadOptions options = TestOptions(GoldenModelDir("llama"));
  options.device = "tpu:0";
  EXPECT_EQ(LoadEngine(options).status().code(), Code::kInvalidArgument);
  options.device = "nonsense device";
  EXPECT_THAT(LoadEngine(options).status().message(), HasSubstr("use cpu or cuda:N"));
  options.device = "cuda:99";
  EXPECT_EQ(LoadEngine(options).status().code(), Code::kFailedPrecondition);
}

TEST(LoadTest, AMissingTensorIsNamedBeforeAnythingIsLoaded) {
  const model::ScratchModel scratch(GoldenModelDir("llama"));
  StoredModel stored = StoredModel::Read(GoldenModelDir("llama"));
  std::erase_if(stored.tensors, [](const auto& tensor) { return tensor.name == "lm_head.weight"; });
  scratch.Write(stored, 1);
  const auto engine = LoadEngine(TestOptions(scratch.dir()));
  EXPECT_EQ(engine.status().code(), Code::kInvalidArgument);
  EXPECT_THAT(engine.status().message(), HasSubstr("BAD_CHECKPOINT: tensor \"lm_head.weight\""));
}

// Bytes of private memory that this process can write to, as RLIMIT_DATA counts them: what libtorch
// maps from its files is not among them.
rlim_t WritableBytes() {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    rlim_t kib = 0;
    if (word == "VmData:" && status >> kib) return kib << 10;
  }
  return 0;
}

// Exit status 0 when the engine says OUT_OF_MEMORY for a request over the limit and then goes on
// answering small ones.
int RunOutOfMemory() {
  const auto engine = LoadGolden("llama");
  const plan::Sequence small{{1, 2, 3}, {4}};
  if (!engine->RunNaive(std::span(&small, 1), 0).ok()) return 2;
  const rlim_t limit = WritableBytes() + (rlim_t{300} << 20);
  const rlimit bound{limit, limit};
  if (setrlimit(RLIMIT_DATA, &bound) != 0) return 3;
  const plan::Sequence large{std::vector<int32_t>(8000, 3), {4}};
  const Status status = engine->RunNaive(std::span(&large, 1), 0).status();
  if (status.code() != Code::kResourceExhausted) return 4;
  if (!status.message().starts_with("OUT_OF_MEMORY: ")) return 5;
  return engine->RunNaive(std::span(&small, 1), 0).ok() ? 0 : 6;
}

TEST(OutOfMemoryDeathTest, IsSaidAndTheEngineGoesOn) {
  if (TestDevice() != "cpu") GTEST_SKIP() << "limits the process's memory, hence the CPU only";
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_EXIT(_exit(RunOutOfMemory()), testing::ExitedWithCode(0),
              testing::A<const std::string&>());
}

}  // namespace
}  // namespace koeval::engine
