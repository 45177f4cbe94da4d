// What the engine's tests share: golden models, devices, random sequences that share starts.
#pragma once

#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "worker/engine/engine.h"
#include "worker/plan/plan.h"

namespace koeval::engine {

// The golden models.
const std::vector<std::string>& GoldenModels();
// The folder tests/golden of the source tree.
std::string GoldenDir();
std::string GoldenModelDir(const std::string& model);

// KOEVAL_TEST_DEVICE, or "cpu": the same tests run on a GPU.
std::string TestDevice();

// A folder's model on TestDevice(), on one CPU thread; tests run beside each other. Aborts the test
// binary with the reason when it cannot be loaded.
LoadOptions TestOptions(const std::string& dir, Dtype dtype = Dtype::kFloat32);
std::unique_ptr<Engine> Load(const LoadOptions& options);
std::unique_ptr<Engine> LoadDir(const std::string& dir, Dtype dtype = Dtype::kFloat32);
std::unique_ptr<Engine> LoadGolden(const std::string& model, Dtype dtype = Dtype::kFloat32);

// The reference outputs of one golden model for inputs of `n` tokens.
struct GoldenLogits {
  std::vector<int32_t> ids;              // n + 1
  std::vector<float> logits;             // the last min(n, 8) rows
  std::vector<float> log_probabilities;  // n; [i] of ids[i + 1]
  int64_t rows = 0;
  int64_t vocabulary = 0;
};
GoldenLogits ReadGoldenLogits(const std::string& model, int n);

// `count` sequences over ids below `vocabulary`: few-shot like starts, contexts and choices, with
// duplicates, inputs that are starts of others, and single-token targets among them. At most
// `length_max` inputs each. `shots` of ten sequences begin with the same few-shot block.
std::vector<plan::Sequence> RandomSequences(std::mt19937_64& random, int count, int32_t vocabulary,
                                            int length_max, int shots = 8);

// All answers of a plan in request order; the first failure otherwise.
Result<std::vector<Answer>> RunPlan(Engine& engine, const plan::Plan& plan);

}  // namespace koeval::engine
