// Attention of the tokens that texts get, one a step, over the keys and values of their prompts.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "worker/engine/attention.h"
#include "worker/engine/visible_rows.h"

namespace koeval::engine {

// The texts of one micro-batch and one buffer of keys and values for each layer: rows as of
// VisibleRows, with room for all that may come. The shared start of the prompts lies there once.
class DecodeGroup {
 public:
  // `stored` are the keys and values of the packed tokens (T), `prefix` those of the batch's prefix
  // (P); each has one entry for a layer or is empty. `token_of_text` as VisibleRows::AddText.
  DecodeGroup(const plan::MicroBatch& micro_batch, const std::vector<KeyValues>& prefix,
              const std::vector<KeyValues>& stored, std::span<const int32_t> token_of_text,
              int64_t tokens_max);

  // Begins a step in which each of `texts` gets one token; gives their positions.
  std::vector<int32_t> Begin(std::span<const size_t> texts);
  // Texts of the step.
  int64_t size() const { return static_cast<int64_t>(texts_.size()); }
  const VisibleRows& rows() const { return rows_; }

  // Takes the step's keys and values of `layer` and answers its queries, as Attention::Run.
  at::Tensor Run(size_t layer, const AttentionShape& shape, const at::Tensor& queries,
                 const KeyValues& fresh);

 private:
  const at::Tensor& MaskFor(int64_t window, const at::Tensor& like);
  // (rows, heads), float32; undefined without biases.
  const at::Tensor& KeyBiases(const model::AlibiSpec* alibi, const at::Tensor& like);

  VisibleRows rows_;
  std::vector<KeyValues> buffer_;  // of each layer
  std::vector<size_t> texts_;
  // Of this step.
  std::map<int64_t, at::Tensor> masks_;  // by window
  at::Tensor key_biases_;
};

// One step over several groups, whose texts follow one another in the forward.
class DecodeAttention final : public Attention {
 public:
  // `groups` must outlive the object; those without texts take no part.
  explicit DecodeAttention(std::span<DecodeGroup> groups) : groups_(groups) {}
  at::Tensor Run(size_t layer, const AttentionShape& shape, const at::Tensor& queries,
                 const KeyValues& fresh) override;

 private:
  const std::span<DecodeGroup> groups_;
};

}  // namespace koeval::engine
