// Golden models in the other layouts in which transformers stores them
// (tests/golden/checkpoint_layouts.json): stacked experts, and the text part of a multimodal model.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "common/base/file.h"
#include "common/base/json.h"
#include "common/model/checkpoint.h"
#include "common/model/config.h"
#include "tests/common/model/checkpoint_maker.h"
#include "tests/worker/engine/engine_test_util.h"

namespace koeval::engine {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

constexpr double kLogitTolerance = 2e-4;

// A folder in the layout `name`.
class LayoutTest : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    const auto text = ReadFile(GoldenDir() + "/checkpoint_layouts.json");
    ASSERT_TRUE(text.ok()) << text.status().ToString();
    const auto layouts = ParseJson(*text);
    ASSERT_TRUE(layouts.ok()) << layouts.status().ToString();
    layout_ = (*layouts)[GetParam()];
    golden_ = layout_["golden"].get<std::string>();
    const auto golden = model::Checkpoint::Open(GoldenModelDir(golden_));
    ASSERT_TRUE(golden.ok()) << golden.status().ToString();
    for (const auto& file : golden->files()) {
      for (const model::TensorInfo& info : file->tensors()) {
        source_.emplace(info.name, model::MadeTensor{info.name, info.dtype, info.shape,
                                                     std::string(file->Bytes(info))});
      }
    }
    scratch_.emplace(GoldenModelDir(golden_));
    if (layout_.contains("config")) scratch_->WriteFile("config.json", layout_["config"].dump());
  }

  model::StoredModel Stored() const {
    model::StoredModel out;
    for (const auto& [name, wanted] : layout_["tensors"].items()) {
      model::MadeTensor made{name, "F32", wanted["shape"].get<std::vector<int64_t>>(), ""};
      for (const Json& part : wanted["from"]) {
        const model::MadeTensor& source = source_.at(part.get<std::string>());
        made.dtype = source.dtype;
        made.bytes += source.bytes;
      }
      if (wanted["from"].empty()) {  // of a part that is not text
        int64_t elements = 1;
        for (const int64_t size : made.shape) elements *= size;
        made.bytes.assign(static_cast<size_t>(elements) * sizeof(float), '\0');
      }
      out.tensors.push_back(std::move(made));
    }
    return out;
  }

  Json layout_;
  std::string golden_;
  std::map<std::string, model::MadeTensor> source_;
  std::optional<model::ScratchModel> scratch_;
};

TEST_P(LayoutTest, LogitsAreThoseOfTheGoldenModelAndEveryTensorIsKnown) {
  scratch_->Write(Stored(), 1);
  const auto config = model::ReadModelConfig(scratch_->dir());
  ASSERT_TRUE(config.ok()) << config.status().ToString();
  const auto checkpoint = model::Checkpoint::Open(scratch_->dir());
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.status().ToString();
  const model::TensorReport report = model::CheckTensors(config->spec, *checkpoint);
  EXPECT_THAT(report.problems, IsEmpty());
  EXPECT_THAT(report.unused, IsEmpty());

  const auto plain = LoadGolden(golden_);
  const auto engine = LoadDir(scratch_->dir());
  EXPECT_EQ(engine->facts().parameters, plain->facts().parameters);
  EXPECT_EQ(engine->facts().max_length, plain->facts().max_length);
  for (const int n : {7, 150}) {
    const GoldenLogits golden = ReadGoldenLogits(golden_, n);
    const auto ids = std::span(golden.ids).first(static_cast<size_t>(n));
    const auto logits = engine->Logits(ids);
    ASSERT_TRUE(logits.ok()) << logits.status().ToString();
    const auto wanted = plain->Logits(ids);
    ASSERT_TRUE(wanted.ok()) << wanted.status().ToString();
    ASSERT_EQ(logits->size(), wanted->size());
    // Not to the bit: other places in the file mean other alignments, and those other kernels.
    for (size_t i = 0; i < wanted->size(); ++i) {
      ASSERT_NEAR((*logits)[i], (*wanted)[i], kLogitTolerance) << "n " << n << ", entry " << i;
    }
    const float* last = logits->data() + (n - golden.rows) * golden.vocabulary;
    for (size_t i = 0; i < golden.logits.size(); ++i) {
      ASSERT_NEAR(last[i], golden.logits[i], kLogitTolerance) << "n " << n << ", entry " << i;
    }
  }
}

TEST_P(LayoutTest, ATensorOfAnotherShapeIsRefusedByName) {
  model::StoredModel stored = Stored();
  for (model::MadeTensor& tensor : stored.tensors) {
    if (tensor.name.find("layers.1.") == std::string::npos || tensor.shape.size() < 2 ||
        tensor.name.find("vision") != std::string::npos) {
      continue;
    }
    std::swap(tensor.shape.front(), tensor.shape.back());
    scratch_->Write(stored, 1);
    const auto config = model::ReadModelConfig(scratch_->dir());
    ASSERT_TRUE(config.ok()) << config.status().ToString();
    const auto checkpoint = model::Checkpoint::Open(scratch_->dir());
    ASSERT_TRUE(checkpoint.ok()) << checkpoint.status().ToString();
    const auto status = model::TensorStatus(model::CheckTensors(config->spec, *checkpoint));
    EXPECT_THAT(status.message(), HasSubstr("layers.1.")) << tensor.name;
    return;
  }
  FAIL() << "the layout has no such tensor";
}

INSTANTIATE_TEST_SUITE_P(Layouts, LayoutTest,
                         testing::Values("mixtral_stacked", "qwen2_moe_stacked",
                                         "qwen3_moe_stacked", "gemma3", "gemma3_generation5"),
                         [](const auto& layout) { return layout.param; });

}  // namespace
}  // namespace koeval::engine
