// The engine behind engine.h: loading, checks of what comes in, and the order of a batch's work.
#include "worker/engine/engine.h"

#include <algorithm>
#include <functional>
#include <iterator>
#include <numeric>
#include <string>
#include <utility>

#include "common/model/checkpoint.h"
#include "common/model/config.h"
#include "common/model/generation_config.h"
#include "worker/engine/attention.h"
#include "worker/engine/block_plan.h"
#include "worker/engine/decoder.h"
#include "worker/engine/generate.h"
#include "worker/engine/platform.h"
#include "worker/engine/rope_range.h"
#include "worker/engine/scoring.h"
#include "worker/engine/weights.h"

namespace koeval::engine {
namespace {

using model::RopeRange;
using plan::Batch;
using plan::MicroBatch;
using plan::Row;
using plan::Sequence;

at::ScalarType ScalarType(Dtype dtype) {
  switch (dtype) {
    case Dtype::kFloat32:
      return at::kFloat;
    case Dtype::kBFloat16:
      return at::kBFloat16;
    case Dtype::kFloat16:
      return at::kHalf;
  }
  return at::kFloat;
}

std::string DtypeName(Dtype dtype) {
  switch (dtype) {
    case Dtype::kFloat32:
      return "float32";
    case Dtype::kBFloat16:
      return "bfloat16";
    case Dtype::kFloat16:
      return "float16";
  }
  return "";
}

class TorchEngine final : public Engine {
 public:
  TorchEngine(Decoder decoder, ModelFacts facts, LogitsDtype logits_dtype)
      : decoder_(std::move(decoder)),
        facts_(std::move(facts)),
        logits_dtype_(logits_dtype),
        original_length_(OriginalLength(decoder_.spec())) {}

  const ModelFacts& facts() const override { return facts_; }

  Result<std::vector<Answer>> Run(const Batch& batch) override {
    RETURN_IF_ERROR(CheckBatch(batch, /*new_tokens=*/0));
    std::vector<Answer> answers;
    RETURN_IF_ERROR(Guarded("running a batch", [&]() -> Status {
      ASSIGN_OR_RETURN(answers, RunBatch(batch));
      return OkStatus();
    }));
    return answers;
  }

  Result<std::vector<Answer>> RunNaive(std::span<const Sequence> sequences,
                                       int32_t first_request) override {
    std::vector<Answer> answers;
    for (size_t i = 0; i < sequences.size(); ++i) {
      const int32_t request = first_request + static_cast<int32_t>(i);
      RETURN_IF_ERROR(CheckSequence(sequences[i], request));
      RETURN_IF_ERROR(Guarded("running request " + std::to_string(request), [&]() -> Status {
        ASSIGN_OR_RETURN(const Answer answer, RunAlone(sequences[i], request));
        answers.push_back(answer);
        return OkStatus();
      }));
    }
    return answers;
  }

  Result<std::vector<Generated>> Generate(const Batch& batch,
                                          const GenerateOptions& options) override {
    RETURN_IF_ERROR(CheckBatch(batch, options.tokens_max));
    std::vector<Generated> texts;
    RETURN_IF_ERROR(Guarded("generating a batch", [&]() -> Status {
      ASSIGN_OR_RETURN(texts, GenerateBatch(batch, options));
      return OkStatus();
    }));
    return texts;
  }

  Result<std::vector<Generated>> GenerateNaive(std::span<const Sequence> prompts,
                                               int32_t first_request,
                                               const GenerateOptions& options) override {
    std::vector<Generated> texts;
    for (size_t i = 0; i < prompts.size(); ++i) {
      const int32_t request = first_request + static_cast<int32_t>(i);
      const std::vector<int32_t>& prompt = prompts[i].input;
      if (prompt.empty()) return InvalidArgument("a prompt without tokens");
      RETURN_IF_ERROR(CheckTokens(prompt));
      RETURN_IF_ERROR(CheckLength(static_cast<int64_t>(prompt.size()) + options.tokens_max));
      RETURN_IF_ERROR(Guarded("generating for request " + std::to_string(request), [&]() -> Status {
        ASSIGN_OR_RETURN(Generated text, Generator(decoder_, options).RunAlone(prompt, request));
        texts.push_back(std::move(text));
        return OkStatus();
      }));
    }
    return texts;
  }

  Result<std::vector<float>> Logits(std::span<const int32_t> ids) override {
    if (ids.empty()) return InvalidArgument("logits of no tokens were asked for");
    const std::vector<int32_t> tokens(ids.begin(), ids.end());
    RETURN_IF_ERROR(CheckTokens(tokens));
    RETURN_IF_ERROR(CheckLength(static_cast<int64_t>(tokens.size())));
    std::vector<float> out;
    RETURN_IF_ERROR(Guarded("computing logits", [&]() -> Status {
      const at::Tensor logits =
          decoder_.Head(ForwardAlone(tokens)).to(at::kCPU, at::kFloat).contiguous();
      const float* data = logits.const_data_ptr<float>();
      out.assign(data, data + logits.numel());
      return OkStatus();
    }));
    return out;
  }

 private:
  // Runs `work`; when memory runs out, frees caches and runs it once more. `work` starts from
  // nothing each time.
  Status Guarded(const std::string& doing, const std::function<Status()>& work) {
    const c10::InferenceMode guard;
    Status status = CatchTorch(doing, work);
    if (status.code() != Code::kResourceExhausted) return status;
    FreeCaches(decoder_.device());
    return CatchTorch(doing, work);
  }

  Status CheckToken(int32_t token) const {
    const int64_t size = decoder_.spec().vocab_size;
    if (token >= 0 && token < size) return OkStatus();
    return InvalidArgument("BAD_TOKENIZER: token id " + std::to_string(token) +
                           " is outside the model's " + std::to_string(size) +
                           " embeddings; publish the tokenizer that belongs to these weights");
  }

  // Tokens that the embeddings have.
  Status CheckTokens(std::span<const int32_t> tokens) const {
    for (const int32_t token : tokens) RETURN_IF_ERROR(CheckToken(token));
    return OkStatus();
  }

  // A path of `length` tokens lies within the learned positions. Packed tokens are no path.
  Status CheckLength(int64_t length) const {
    const model::DecoderSpec& spec = decoder_.spec();
    if (spec.position_embedding.empty() || length <= spec.max_positions) return OkStatus();
    return InvalidArgument("an input of " + std::to_string(length) + " tokens is longer than the " +
                           std::to_string(spec.max_positions) +
                           " positions of the model; truncate it");
  }

  Status CheckSequence(const Sequence& sequence, int32_t request) const {
    if (sequence.targets.empty() || sequence.targets.size() > sequence.input.size()) {
      return InvalidArgument("request " + std::to_string(request) +
                             " has no targets, or more of them than inputs");
    }
    RETURN_IF_ERROR(CheckTokens(sequence.input));
    RETURN_IF_ERROR(CheckLength(static_cast<int64_t>(sequence.input.size())));
    for (const int32_t target : sequence.targets) RETURN_IF_ERROR(CheckToken(target));
    return OkStatus();
  }

  // `new_tokens` may follow each path, or 0: then the rows have targets.
  Status CheckBatch(const Batch& batch, int64_t new_tokens) const {
    const auto prefix_tokens = static_cast<int64_t>(batch.prefix.size());
    RETURN_IF_ERROR(CheckTokens(batch.prefix));
    RETURN_IF_ERROR(CheckLength(prefix_tokens + new_tokens));
    for (const MicroBatch& micro_batch : batch.micro_batches) {
      RETURN_IF_ERROR(CheckMicroBatch(micro_batch, prefix_tokens));
      RETURN_IF_ERROR(CheckTokens(micro_batch.tokens));
      for (const plan::Segment& segment : micro_batch.segments) {
        RETURN_IF_ERROR(
            CheckLength(int64_t{segment.first_position} + segment.token_count + new_tokens));
      }
      for (const Row& row : micro_batch.rows) {
        if (new_tokens == 0) RETURN_IF_ERROR(CheckToken(row.target));
      }
    }
    return OkStatus();
  }

  Result<std::vector<Answer>> RunBatch(const Batch& batch) const {
    if (original_length_ == 0) return RunPart(batch, RopeRange::kOriginal);
    std::vector<Answer> answers;
    for (const RangePart& part : SplitByRange(batch, original_length_)) {
      ASSIGN_OR_RETURN(const std::vector<Answer> some, RunPart(part.batch, part.range));
      answers.insert(answers.end(), some.begin(), some.end());
    }
    std::sort(answers.begin(), answers.end(),
              [](const Answer& a, const Answer& b) { return a.request < b.request; });
    return answers;
  }

  Result<std::vector<Generated>> GenerateBatch(const Batch& batch,
                                               const GenerateOptions& options) const {
    Generator generator(decoder_, options);
    if (original_length_ == 0) return generator.Run(batch, RopeRange::kOriginal);
    std::vector<Generated> texts;
    for (const RangePart& part : SplitByRange(batch, original_length_)) {
      ASSIGN_OR_RETURN(std::vector<Generated> some, generator.Run(part.batch, part.range));
      std::move(some.begin(), some.end(), std::back_inserter(texts));
    }
    std::sort(texts.begin(), texts.end(),
              [](const Generated& a, const Generated& b) { return a.request < b.request; });
    return texts;
  }

  Result<std::vector<Answer>> RunPart(const Batch& batch, RopeRange range) const {
    std::vector<KeyValues> prefix;
    at::Tensor prefix_hidden;
    if (!batch.prefix.empty()) {
      const MicroBatch alone = AsMicroBatch(batch.prefix);
      prefix_hidden = ForwardPacked(alone, {}, &prefix, range);
    }
    Scorer scorer(decoder_, logits_dtype_);
    for (const MicroBatch& micro_batch : batch.micro_batches) {
      at::Tensor hidden;
      if (!micro_batch.tokens.empty()) hidden = ForwardPacked(micro_batch, prefix, nullptr, range);
      RETURN_IF_ERROR(scorer.Add(micro_batch.rows, prefix_hidden, hidden));
    }
    return scorer.Finish(batch.requests);
  }

  at::Tensor ForwardPacked(const MicroBatch& micro_batch, const std::vector<KeyValues>& prefix,
                           std::vector<KeyValues>* keep, RopeRange range) const {
    PackedAttention attention(micro_batch, prefix, decoder_.dtype(), decoder_.device());
    return decoder_.Forward(micro_batch.tokens, micro_batch.positions, attention, keep, range);
  }

  at::Tensor ForwardAlone(const std::vector<int32_t>& tokens) const {
    std::vector<int32_t> positions(tokens.size());
    std::iota(positions.begin(), positions.end(), 0);
    CausalAttention attention;
    const auto length = static_cast<int64_t>(tokens.size());
    return decoder_.Forward(tokens, positions, attention, nullptr,
                            RangeOf(length, original_length_));
  }

  Result<Answer> RunAlone(const Sequence& sequence, int32_t request) const {
    const auto first = static_cast<int32_t>(sequence.input.size() - sequence.targets.size());
    std::vector<Row> rows;
    for (size_t i = 0; i < sequence.targets.size(); ++i) {
      rows.push_back({first + static_cast<int32_t>(i), sequence.targets[i], request});
    }
    Scorer scorer(decoder_, logits_dtype_);
    RETURN_IF_ERROR(scorer.Add(rows, {}, ForwardAlone(sequence.input)));
    ASSIGN_OR_RETURN(const std::vector<Answer> answers, scorer.Finish(std::span(&request, 1)));
    return answers.front();
  }

  const Decoder decoder_;
  const ModelFacts facts_;
  const LogitsDtype logits_dtype_;
  const int64_t original_length_;  // as OriginalLength
};

// The rounding of log-probabilities once the class is known: logits that are cast to float32 leave
// nothing to round.
LogitsDtype Resolve(const LoadOptions& options, const model::DecoderSpec& spec) {
  const bool is_cast = spec.older_float32_logits && options.generation == 4;
  return is_cast ? LogitsDtype::kFloat32 : options.logits_dtype;
}

ModelFacts Facts(const model::ModelConfig& config, const LoadOptions& options, at::Device device) {
  ModelFacts facts;
  facts.architecture = config.spec.architecture;
  facts.model_type = config.spec.model_type;
  facts.parameters = model::ParameterCount(config.spec);
  facts.max_length = model::EvaluationMaxLength(config);
  facts.dtype = DtypeName(options.dtype);
  const bool as_model = Resolve(options, config.spec) == LogitsDtype::kAsModel;
  facts.logits_dtype = DtypeName(as_model ? options.dtype : Dtype::kFloat32);
  facts.hardware_class = HardwareClass(device);
  model::GenerationConfig generation = model::ReadGenerationConfig(options.model_dir, config.json);
  facts.end_ids = std::move(generation.end_ids);
  facts.repetition_penalty = generation.repetition_penalty;
  facts.generation_problem = std::move(generation.problem);
  return facts;
}

}  // namespace

Result<std::unique_ptr<Engine>> LoadEngine(const LoadOptions& options) {
  ASSIGN_OR_RETURN(const at::Device device, ParseDevice(options.device));
  ASSIGN_OR_RETURN(const model::ModelConfig config, model::ReadModelConfig(options.model_dir));
  ASSIGN_OR_RETURN(const model::Checkpoint checkpoint, model::Checkpoint::Open(options.model_dir));
  RETURN_IF_ERROR(model::TensorStatus(model::CheckTensors(config.spec, checkpoint)));
  SetNumerics(options.threads, device);
  const c10::InferenceMode guard;
  std::unique_ptr<Engine> engine;
  RETURN_IF_ERROR(CatchTorch("loading " + options.model_dir, [&]() -> Status {
    const at::ScalarType dtype = ScalarType(options.dtype);
    Weights weights = LoadWeights(config.spec, checkpoint, dtype, device);
    engine = std::make_unique<TorchEngine>(Decoder(config.spec, std::move(weights), dtype, device),
                                           Facts(config, options, device),
                                           Resolve(options, config.spec));
    return OkStatus();
  }));
  return engine;
}

Result<std::string> DescribeHardware(const std::string& device_name, int threads) {
  ASSIGN_OR_RETURN(const at::Device device, ParseDevice(device_name));
  std::string text;
  RETURN_IF_ERROR(CatchTorch("describing " + device_name, [&]() -> Status {
    SetNumerics(threads, device);
    text = HardwareClass(device);
    return OkStatus();
  }));
  return text;
}

}  // namespace koeval::engine
