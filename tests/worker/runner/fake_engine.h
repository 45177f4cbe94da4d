// An engine and a tokenizer without a model: answers follow from targets alone, and a hook runs
// before each batch.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/tokenizer/tokenizer.h"
#include "worker/engine/engine.h"

namespace koeval::runner {

// What the fakes do, set by the test before the server starts.
struct FakeModel {
  engine::ModelFacts facts{.architecture = "FakeForCausalLM",
                           .model_type = "fake",
                           .parameters = 5,
                           .max_length = 64,
                           .dtype = "float32",
                           .logits_dtype = "float32",
                           .hardware_class = "fake-1"};
  std::optional<int64_t> tokenizer_max_length;
  std::function<Status(int64_t)> before_batch;  // number of the batch among all that ran
  Status load_status, tokenizer_status;
  double log_likelihood_factor = 1;
  std::atomic<int> engines_alive = 0;
  int engines_alive_most = 0;
  engine::LoadOptions last_load;
  std::optional<tokenizer::LoadOptions> last_tokenizer_load;
};

class FakeEngine final : public engine::Engine {
 public:
  explicit FakeEngine(FakeModel& model) : model_(model) {
    model_.engines_alive_most = std::max(model_.engines_alive_most, ++model_.engines_alive);
  }
  ~FakeEngine() override { --model_.engines_alive; }

  const engine::ModelFacts& facts() const override { return model_.facts; }

  Result<std::vector<engine::Answer>> Run(const plan::Batch& batch) override {
    RETURN_IF_ERROR(Before());
    std::map<int32_t, engine::Answer> answers;
    for (const plan::MicroBatch& m : batch.micro_batches) {
      for (const plan::Row& row : m.rows) Add(answers, row.request, row.target);
    }
    return Values(answers);
  }

  Result<std::vector<engine::Answer>> RunNaive(std::span<const plan::Sequence> sequences,
                                               int32_t first_request) override {
    RETURN_IF_ERROR(Before());
    std::map<int32_t, engine::Answer> answers;
    for (const plan::Sequence& s : sequences) {
      for (const int32_t target : s.targets) Add(answers, first_request, target);
      ++first_request;
    }
    return Values(answers);
  }

  // A text counts upwards from the last token of its prompt, one byte after the other.
  Result<std::vector<engine::Generated>> Generate(const plan::Batch& batch,
                                                  const engine::GenerateOptions& options) override {
    RETURN_IF_ERROR(Before());
    std::map<int32_t, engine::Generated> texts;
    for (const plan::MicroBatch& m : batch.micro_batches) {
      for (const plan::Row& row : m.rows) {
        const auto at = static_cast<size_t>(row.token < 0 ? -1 - row.token : row.token);
        const int32_t last = row.token < 0 ? batch.prefix[at] : m.tokens[at];
        ASSIGN_OR_RETURN(texts[row.request], Count(row.request, last, options));
      }
    }
    std::vector<engine::Generated> out;
    for (auto& [request, text] : texts) out.push_back(std::move(text));
    return out;
  }

  Result<std::vector<engine::Generated>> GenerateNaive(
      std::span<const plan::Sequence> prompts, int32_t first_request,
      const engine::GenerateOptions& options) override {
    RETURN_IF_ERROR(Before());
    std::vector<engine::Generated> out;
    for (const plan::Sequence& prompt : prompts) {
      ASSIGN_OR_RETURN(out.emplace_back(), Count(first_request++, prompt.input.back(), options));
    }
    return out;
  }

  Result<std::vector<float>> Logits(std::span<const int32_t>) override {
    return Unimplemented("no logits here");
  }

 private:
  Status Before() { return model_.before_batch ? model_.before_batch(ran_++) : OkStatus(); }

  void Add(std::map<int32_t, engine::Answer>& answers, int32_t request, int32_t target) {
    engine::Answer& answer = answers.try_emplace(request).first->second;
    answer.request = request;
    answer.log_likelihood -= (target + 1) * 0.1 * model_.log_likelihood_factor;
    answer.is_greedy = target % 2 == 0;
  }

  static Result<engine::Generated> Count(int32_t request, int32_t last,
                                         const engine::GenerateOptions& options) {
    engine::Generated text{request, {}};
    while (static_cast<int64_t>(text.ids.size()) < options.tokens_max) {
      last = (last + 1) % 256;
      text.ids.push_back(last);
      ASSIGN_OR_RETURN(const bool ends, options.ends(text.ids));
      if (ends) break;
    }
    return text;
  }

  static std::vector<engine::Answer> Values(const std::map<int32_t, engine::Answer>& answers) {
    std::vector<engine::Answer> out;
    for (const auto& [request, answer] : answers) out.push_back(answer);
    return out;
  }

  FakeModel& model_;
  int64_t ran_ = 0;
};

// One id for each byte.
class ByteTokenizer : public tokenizer::Tokenizer {
 public:
  explicit ByteTokenizer(std::optional<int64_t> max_length) : max_length_(max_length) {}

  Result<std::vector<int32_t>> Encode(std::string_view text, bool special) const override {
    std::vector<int32_t> ids;
    if (special) ids.push_back(256);
    for (const char c : text) ids.push_back(static_cast<unsigned char>(c));
    return ids;
  }
  Result<std::string> Decode(std::span<const int32_t> ids, bool skip_special) const override {
    std::string text;
    for (const int32_t id : ids) {
      if (id < 256) {
        text += static_cast<char>(id);
      } else if (!skip_special) {
        text += "<bos>";
      }
    }
    return text;
  }
  int32_t vocab_size() const override { return 257; }
  std::optional<int32_t> bos_id() const override { return 256; }
  std::optional<int32_t> eos_id() const override { return std::nullopt; }
  std::optional<int64_t> model_max_length() const override { return max_length_; }
  const std::string& digest() const override { return digest_; }

 private:
  const std::optional<int64_t> max_length_;
  const std::string digest_ = "bytes";
};

}  // namespace koeval::runner
