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
#include "worker/engine/rope_range.h"

namespace koeval::engine {

// Texts of one batch. Prompts run packed, as for scoring; then each step runs the newest token of
// every text that goes on. Texts of micro-batches have buffers of their own and share the forward.
// The next token is the first maximum of the logits, after the repetition penalty. A text that
// grows past the original length of a longrope model goes on with the frequencies of the longer
// range: over all its keys made anew where the class does so (DecoderSpec::rope_restarts), else
// over the keys that it has. Source: transformers 5.23.0, longrope_frequency_update and
// Phi3ForCausalLM.prepare_inputs_for_generation. Functions throw c10 exceptions; the caller holds a
// c10::InferenceMode guard.
class Generator {
 public:
  // All must outlive the object.
  Generator(const Decoder& decoder, const GenerateOptions& options)
      : decoder_(decoder), options_(options), original_length_(OriginalLength(decoder.spec())) {}

  // `range` is that of every prompt. REQUIRES: CheckMicroBatch for each micro-batch; each row is
  // the last of its prompt. DATA_LOSS as Scorer.
  Result<std::vector<Generated>> Run(const plan::Batch& batch, model::RopeRange range);
  // One prompt by plain causal attention over its own keys and values.
  Result<Generated> RunAlone(const std::vector<int32_t>& prompt, int32_t request) const;

 private:
  struct Text {
    std::vector<int32_t> requests;
    size_t group = 0;
    size_t in_group = 0;
    std::vector<int32_t> prompt;  // of models whose frequencies depend on the length; else empty
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
  // That of `text` with all that it has so far.
  model::RopeRange RangeNow(const Text& text) const;
  // Ends those of `texts` whose keys must be made anew, each alone, and takes them out.
  Status EndRestarting(model::RopeRange range, std::vector<Text*>& texts) const;
  // One step of each of `texts`, which are put into the order of the hidden states (texts, hidden).
  at::Tensor Step(std::vector<Text*>& texts);
  // As Step, of texts of one range in group order.
  at::Tensor StepOf(std::span<Text* const> texts, model::RopeRange range);
  // `text` from its next token to its end, over keys and values of its own.
  Status GoOnAlone(const std::vector<int32_t>& prompt, Text& text) const;
  std::vector<Generated> Finish() const;

  const Decoder& decoder_;
  const GenerateOptions& options_;
  const int64_t original_length_;  // as OriginalLength
  std::vector<DecodeGroup> groups_;
  std::vector<Text> texts_;
};

}  // namespace koeval::engine
