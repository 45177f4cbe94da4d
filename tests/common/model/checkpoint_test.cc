// Weights of a folder: single files, shards, and checks against the spec.
#include "common/model/checkpoint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "common/model/config.h"
#include "tests/common/model/checkpoint_maker.h"

namespace koeval::model {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::string GoldenDir(const std::string& model) {
  const char* source = std::getenv("KOEVAL_SOURCE_DIR");
  return std::string(source == nullptr ? "." : source) + "/tests/golden/models/" + model;
}

DecoderSpec SpecOf(const std::string& dir) {
  const auto config = ReadModelConfig(dir);
  EXPECT_TRUE(config.ok()) << config.status().ToString();
  return config.ok() ? config->spec : DecoderSpec{};
}

TEST(CheckpointTest, EveryGoldenModelHasWhatItsSpecNeedsAndNothingElse) {
  int models = 0;
  for (const auto& entry : std::filesystem::directory_iterator(GoldenDir(""))) {
    SCOPED_TRACE(entry.path());
    const auto checkpoint = Checkpoint::Open(entry.path());
    ASSERT_TRUE(checkpoint.ok()) << checkpoint.status().ToString();
    const TensorReport report = CheckTensors(SpecOf(entry.path()), *checkpoint);
    EXPECT_THAT(report.problems, IsEmpty());
    EXPECT_THAT(report.unused, IsEmpty());
    EXPECT_GT(report.parameters, 0);
    EXPECT_TRUE(TensorStatus(report).ok());
    ++models;
  }
  EXPECT_GE(models, 31);
}

TEST(CheckpointTest, ShardsHoldTheTensorsOfTheSingleFile) {
  const ScratchModel scratch(GoldenDir("llama"));
  const StoredModel stored = StoredModel::Read(GoldenDir("llama"));
  scratch.Write(stored, 4);
  const auto checkpoint = Checkpoint::Open(scratch.dir());
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.status().ToString();
  EXPECT_EQ(checkpoint->files().size(), 4u);
  EXPECT_EQ(checkpoint->tensor_count(), stored.tensors.size());
  for (const MadeTensor& tensor : stored.tensors) {
    const StoredTensor* found = checkpoint->Find(tensor.name);
    ASSERT_NE(found, nullptr) << tensor.name;
    EXPECT_EQ(found->Bytes(), tensor.bytes);
  }
  EXPECT_TRUE(TensorStatus(CheckTensors(SpecOf(scratch.dir()), *checkpoint)).ok());
}

TEST(CheckpointTest, FoldersWithoutSafetensorsSayWhatToDo) {
  const ScratchModel scratch;
  const Status nothing = Checkpoint::Open(scratch.dir()).status();
  EXPECT_EQ(nothing.code(), Code::kNotFound);
  EXPECT_THAT(nothing.message(), HasSubstr("NO_SAFETENSORS: "));
  scratch.WriteFile("pytorch_model.bin", "x");
  const Status pickle = Checkpoint::Open(scratch.dir()).status();
  EXPECT_EQ(pickle.code(), Code::kNotFound);
  EXPECT_THAT(pickle.message(), HasSubstr("pytorch_model.bin only"));
  EXPECT_THAT(pickle.message(), HasSubstr("convert"));
}

TEST(CheckpointTest, ADamagedSingleFileIsRefused) {
  const ScratchModel scratch;
  scratch.WriteFile("model.safetensors", "not a checkpoint at all");
  const Status status = Checkpoint::Open(scratch.dir()).status();
  EXPECT_EQ(status.code(), Code::kInvalidArgument);
  EXPECT_THAT(status.message(), HasSubstr(scratch.dir() + "/model.safetensors"));
}

const char* const kIndex = "model.safetensors.index.json";

TEST(ShardIndexTest, FileNamesMustStayInTheFolder) {
  for (const char* file : {"/etc/passwd", "../a.safetensors", "a/../b.safetensors", "..", ".", "",
                           "a/b.safetensors", "a\\\\b.safetensors", "a\\u0000b"}) {
    const ScratchModel scratch;
    scratch.WriteFile(kIndex, std::string(R"({"weight_map":{"w":")") + file + "\"}}");
    const Status status = Checkpoint::Open(scratch.dir()).status();
    EXPECT_EQ(status.code(), Code::kInvalidArgument) << file;
    EXPECT_THAT(status.message(), HasSubstr("no plain file name")) << file;
  }
}

TEST(ShardIndexTest, MalformedIndexesAreRefused) {
  for (const char* text : {"", "[]", "{}", R"({"weight_map":[]})", R"({"weight_map":{}})",
                           R"({"weight_map":{"w":1}})", R"({"weight_map":{"w":"a","w":"b"}})"}) {
    const ScratchModel scratch;
    scratch.WriteFile(kIndex, text);
    EXPECT_EQ(Checkpoint::Open(scratch.dir()).status().code(), Code::kInvalidArgument) << text;
  }
}

class IndexMismatchTest : public testing::Test {
 protected:
  IndexMismatchTest() {
    scratch_.WriteFile("a.safetensors", MakeSafetensors({{"w", "U8", {1}, "x"}}));
    scratch_.WriteFile("b.safetensors", MakeSafetensors({{"v", "U8", {1}, "x"}}));
  }
  std::string Error(const std::string& map) {
    scratch_.WriteFile(kIndex, R"({"weight_map":)" + map + "}");
    const Status status = Checkpoint::Open(scratch_.dir()).status();
    EXPECT_NE(status.code(), Code::kNotFound);
    return status.message();
  }
  ScratchModel scratch_;
};

TEST_F(IndexMismatchTest, IndexAndShardsMustBelongTogether) {
  EXPECT_EQ(Error(R"({"w":"a.safetensors","v":"b.safetensors"})"), "");
  EXPECT_THAT(Error(R"({"w":"a.safetensors","x":"b.safetensors"})"), HasSubstr("does not list"));
  EXPECT_THAT(Error(R"({"w":"a.safetensors","u":"a.safetensors"})"), HasSubstr("lacks tensor"));
  EXPECT_THAT(Error(R"({"w":"a.safetensors","v":"c.safetensors"})"), HasSubstr("is missing"));
}

TEST_F(IndexMismatchTest, ATensorInTwoShardsIsRefused) {
  scratch_.WriteFile("b.safetensors", MakeSafetensors({{"w", "U8", {1}, "x"}}));
  EXPECT_THAT(Error(R"({"w":"a.safetensors","v":"b.safetensors"})"), HasSubstr("\"w\""));
}

class CheckTensorsTest : public testing::Test {
 protected:
  CheckTensorsTest()
      : scratch_(GoldenDir("llama")), stored_(StoredModel::Read(GoldenDir("llama"))) {}

  MadeTensor& Tensor(const std::string& name) {
    for (MadeTensor& tensor : stored_.tensors) {
      if (tensor.name == name) return tensor;
    }
    ADD_FAILURE() << "no tensor " << name;
    return stored_.tensors.front();
  }
  TensorReport Report() {
    scratch_.Write(stored_, 1);
    const auto checkpoint = Checkpoint::Open(scratch_.dir());
    EXPECT_TRUE(checkpoint.ok()) << checkpoint.status().ToString();
    return CheckTensors(SpecOf(scratch_.dir()), *checkpoint);
  }
  ScratchModel scratch_;
  StoredModel stored_;
};

TEST_F(CheckTensorsTest, MissingTensorsAreNamed) {
  std::erase_if(stored_.tensors, [](const MadeTensor& t) {
    return t.name.find("layers.1.mlp") != std::string::npos;
  });
  const TensorReport report = Report();
  EXPECT_EQ(report.problems.size(), 3u);
  EXPECT_THAT(TensorStatus(report).message(), HasSubstr("model.layers.1.mlp.gate_proj.weight"));
}

TEST_F(CheckTensorsTest, WrongShapesAreNamedWithBothShapes) {
  Tensor("model.layers.0.self_attn.k_proj.weight").shape = {24, 96};
  const TensorReport report = Report();
  ASSERT_EQ(report.problems.size(), 1u);
  EXPECT_THAT(report.problems[0], HasSubstr("[24, 96], config.json needs [48, 48]"));
}

TEST_F(CheckTensorsTest, IntegerWeightsAreRefused) {
  Tensor("model.norm.weight").dtype = "I32";
  EXPECT_THAT(TensorStatus(Report()).message(), HasSubstr("stored as I32"));
}

TEST_F(CheckTensorsTest, ExtraTensorsAreListedAndKnownBuffersAreNot) {
  stored_.tensors.push_back({"model.layers.9.extra", "F32", {1}, "abcd"});
  stored_.tensors.push_back({"model.layers.0.self_attn.rotary_emb.inv_freq", "F32", {1}, "abcd"});
  const TensorReport report = Report();
  EXPECT_THAT(report.unused, ElementsAre("model.layers.9.extra"));
  EXPECT_TRUE(TensorStatus(report).ok());
}

TEST_F(CheckTensorsTest, ManyProblemsAreCountedNotAllShown) {
  stored_.tensors.resize(1);
  const std::string message = TensorStatus(Report()).message();
  EXPECT_THAT(message, HasSubstr("more"));
  EXPECT_LT(message.size(), 1000u);
}

}  // namespace
}  // namespace koeval::model
