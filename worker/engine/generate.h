// Greedy texts: the prompts of a batch together, each shared start once, or one prompt alone.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "common/base/status.h"
#include "worker/engine/decode_attention.h"
#include "worker/engine/decoder.h"
#include "worker/engine/engine.h"

namespace koeval::engine {

// Texts of one batch. Prompts run packed, as for scoring; then each step runs the newest token of
// every text that goes on. Texts of micro-batches have buffers of their own and share the forward.
// The next token is the first maximum of the logits, after the repetition penalty. Functions throw
// c10 exceptions; the caller holds a c10::InferenceMode guard.
class Generator {
 public:
  // All must outlive the object.
  Generator(const Decoder& decoder, const GenerateOptions& options)
      : decoder_(decoder), options_(options) {}

  // REQUIRES: CheckMicroBatch for each micro-batch; each row is the last of its prompt. DATA_LOSS
  // as Scorer.
  Result<std::vector<Generated>> Run(const plan::Batch& batch, model::RopeRange range);
  // One prompt by plain causal attention over its own keys and values.
  Result<Generated> RunAlone(const std::vector<int32_t>& prompt, int32_t request,
                             model::RopeRange range) const;

 private:
  struct Text {
    std::vector<int32_t> requests;
    size_t group = 0;
    size_t in_group = 0;
    std::vector<int32_t> ids;
    std::vector<int32_t> seen;  // tokens under the penalty, ascending; empty without one
    bool done = false;
  };

  // The prompts' forwards: fills groups and texts, gives the last hidden state of each text.
  at::Tensor Prefill(const plan::Batch& batch, model::RopeRange range);
  // Adds the texts of one micro-batch; `hidden` (T, hidden) and `prefix_hidden` (P, hidden).
  void AddGroup(const plan::Batch& batch, size_t micro_batch, const std::vector<KeyValues>& prefix,
                const std::vector<KeyValues>& stored, const at::Tensor& prefix_hidden,
                const at::Tensor& hidden, std::vector<at::Tensor>& last);
  // Gives each of `texts` its next token after the hidden states (texts, hidden).
  Status Extend(const at::Tensor& hidden, std::span<Text* const> texts) const;
  Status ExtendChunk(const at::Tensor& hidden, std::span<Text* const> texts) const;
  // Logits with the penalty on what each text has seen.
  at::Tensor Penalised(const at::Tensor& logits, std::span<Text* const> texts) const;
  // One step of `texts`, in group order: hidden states (texts, hidden).
  at::Tensor Step(std::span<Text* const> texts, model::RopeRange range);
  std::vector<Generated> Finish() const;

  const Decoder& decoder_;
  const GenerateOptions& options_;
  std::vector<DecodeGroup> groups_;
  std::vector<Text> texts_;
};

}  // namespace koeval::engine
