// The engine: a model in memory that answers the rows of a plan. The only user of libtorch with
// worker/runner; this header names no tensor, so its users need no libtorch headers.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "common/base/status.h"
#include "worker/plan/plan.h"

namespace koeval::engine {

enum class Dtype { kFloat32, kBFloat16, kFloat16 };
// How log-probabilities are rounded: float32 throughout, or as the model's class in transformers
// rounds them.
enum class LogitsDtype { kFloat32, kAsModel };
// Plan: shared prefixes run once. Naive: every request alone, one forward each, for comparison.
enum class Mode { kPlan, kNaive };

struct LoadOptions {
  std::string model_dir;
  Dtype dtype = Dtype::kFloat32;
  LogitsDtype logits_dtype = LogitsDtype::kFloat32;
  // The transformers generation (4 or 5) whose classes kAsModel follows.
  int generation = 5;
  std::string device = "cpu";  // "cpu" or "cuda:N"
  int threads = 0;             // CPU threads; 0 = all; part of the hardware class
};

struct ModelFacts {
  std::string architecture;
  std::string model_type;
  int64_t parameters = 0;
  int64_t max_length = 0;  // by the profile's rule; see common/model
  std::string dtype;
  std::string logits_dtype;    // of the log-softmax and of the sums: float32, or that of the model
  std::string hardware_class;  // exact CPU or GPU, libtorch build, threads, numerics flags
  // Of generation_config.json; see common/model/generation_config.h.
  std::vector<int32_t> end_ids = {};
  double repetition_penalty = 1;
  std::string generation_problem = {};
};

// One (request, sum of log-probabilities, greedy flag) per request of a batch, ascending by
// request.
struct Answer {
  int32_t request = 0;
  double log_likelihood = 0;
  bool is_greedy = false;
};

// How texts are generated; decoding is greedy.
struct GenerateOptions {
  int64_t tokens_max = 1;         // new tokens of one text, at least 1
  double repetition_penalty = 1;  // as model::GenerationConfig
  // Whether nothing follows the new tokens so far; asked after each one.
  std::function<Result<bool>(std::span<const int32_t>)> ends;
};

// The tokens that follow a prompt, an end token included.
struct Generated {
  int32_t request = 0;
  std::vector<int32_t> ids;
};

// Used by one thread at a time.
class Engine {
 public:
  virtual ~Engine() = default;
  virtual const ModelFacts& facts() const = 0;

  // Answers all requests of `batch`. Bit-equal for equal batches on one hardware class.
  // RESOURCE_EXHAUSTED: out of memory after caches were freed once; DATA_LOSS: NaN or infinite
  // logits
  // ("NUMERICAL_FAULT: ..."); INTERNAL for faults of the device.
  virtual Result<std::vector<Answer>> Run(const plan::Batch& batch) = 0;
  // Each of `sequences` alone. `first_request` numbers them.
  virtual Result<std::vector<Answer>> RunNaive(std::span<const plan::Sequence> sequences,
                                               int32_t first_request) = 0;
  // Texts behind the prompts of `batch`, ascending by request. Shared starts run once, and the
  // texts of a batch grow together. Rotary frequencies that depend on the length stay those of the
  // prompt's length. Bit-equal logits, hence equal texts, for equal batches on one hardware class.
  // Errors as Run, and those of `options.ends`.
  virtual Result<std::vector<Generated>> Generate(const plan::Batch& batch,
                                                  const GenerateOptions& options) = 0;
  // The text behind each of `prompts` alone. `first_request` numbers them.
  virtual Result<std::vector<Generated>> GenerateNaive(std::span<const plan::Sequence> prompts,
                                                       int32_t first_request,
                                                       const GenerateOptions& options) = 0;
  // Float32 logits of every position of `ids`, row-major (ids.size(), vocab); for tests and probes.
  virtual Result<std::vector<float>> Logits(std::span<const int32_t> ids) = 0;
};

// INVALID_ARGUMENT "BAD_CHECKPOINT: ...", UNIMPLEMENTED "UNSUPPORTED_ARCHITECTURE: ...", NOT_FOUND
// "NO_SAFETENSORS: ...", RESOURCE_EXHAUSTED "OUT_OF_MEMORY: ...": each names file, field or tensor
// and the remedy.
Result<std::unique_ptr<Engine>> LoadEngine(const LoadOptions& options);

// The hardware class that an engine on `device` with `threads` CPU threads (0 = all) would have.
// FAILED_PRECONDITION when there is no such device. Sets the process's numerics.
Result<std::string> DescribeHardware(const std::string& device, int threads);

}  // namespace koeval::engine
