// What bfloat16 costs, next to what it costs the reference implementation.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "common/base/file.h"
#include "common/base/json.h"
#include "tests/worker/engine/engine_test_util.h"

namespace koeval::engine {
namespace {

// The engine's |bfloat16 - float32| in units of the reference's, at most. The largest of 250000
// distances is one logit's bad luck, which another order of the same sums moves to another logit;
// the quantile is what "largest" means here, and the largest itself has a wider bound.
constexpr double kShareMax = 1.2;
constexpr double kLargestShareMax = 1.5;
constexpr double kQuantile = 0.999;
constexpr int kLengths[] = {1, 7, 64, 150};
constexpr size_t kFileBytesMax = size_t{1} << 20;

struct Errors {
  double mean = 0;
  double quantile = 0;
  double max = 0;
};

// Of one model with the attention of its stored logits, as tests/golden/make_parity_reference.py
// measured it.
Errors ReferenceErrors(const std::string& model) {
  const auto text = ReadFile(GoldenDir() + "/bfloat16_reference.json", kFileBytesMax);
  EXPECT_TRUE(text.ok()) << text.status().ToString();
  const auto json = ParseJson(text.ok() ? *text : "{}");
  EXPECT_TRUE(json.ok()) << json.status().ToString();
  const Json* models = JsonFind(*json, "models");
  const Json* entry = models == nullptr ? nullptr : JsonFind(*models, model);
  if (entry == nullptr) {
    ADD_FAILURE() << "bfloat16_reference.json has nothing about " << model
                  << "; run tests/golden/make_parity_reference.py";
    return {};
  }
  const Json& errors = (*entry)[(*entry)["golden_attention"].get<std::string>()];
  const auto figure = [&](const char* key) { return errors[key].get<double>(); };
  return {figure("mean"), figure("p999"), figure("max")};
}

// Over all logits of all positions of the golden inputs.
Errors EngineErrors(const std::string& model) {
  const auto exact = LoadGolden(model);
  const auto rounded = LoadGolden(model, Dtype::kBFloat16);
  std::vector<double> distances;
  for (const int n : kLengths) {
    const GoldenLogits golden = ReadGoldenLogits(model, n);
    const auto ids = std::span(golden.ids).first(static_cast<size_t>(n));
    const auto a = exact->Logits(ids);
    const auto b = rounded->Logits(ids);
    EXPECT_TRUE(a.ok() && b.ok()) << a.status().ToString() << b.status().ToString();
    if (!a.ok() || !b.ok()) return {};
    for (size_t i = 0; i < a->size(); ++i) distances.push_back(std::abs((*a)[i] - (*b)[i]));
  }
  std::sort(distances.begin(), distances.end());
  const auto count = static_cast<double>(distances.size());
  const auto rank = static_cast<size_t>(std::ceil(kQuantile * count)) - 1;
  return {std::accumulate(distances.begin(), distances.end(), 0.0) / count, distances[rank],
          distances.back()};
}

class BFloat16Test : public testing::TestWithParam<std::string> {};

TEST_P(BFloat16Test, ErrorsAreNoLargerThanThoseOfTheReference) {
  const Errors reference = ReferenceErrors(GetParam());
  const Errors engine = EngineErrors(GetParam());
  RecordProperty("mean_share", std::to_string(engine.mean / reference.mean));
  RecordProperty("quantile_share", std::to_string(engine.quantile / reference.quantile));
  RecordProperty("max_share", std::to_string(engine.max / reference.max));
  EXPECT_LE(engine.mean, kShareMax * reference.mean);
  EXPECT_LE(engine.quantile, kShareMax * reference.quantile);
  EXPECT_LE(engine.max, kLargestShareMax * reference.max);
  EXPECT_GT(engine.mean, 0) << "bfloat16 gave float32's numbers";
}

INSTANTIATE_TEST_SUITE_P(Models, BFloat16Test, testing::ValuesIn(GoldenModels()),
                         [](const auto& model) { return model.param; });

}  // namespace
}  // namespace koeval::engine
