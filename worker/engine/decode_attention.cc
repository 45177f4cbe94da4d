// Steps over key buffers that grow in place.
#include "worker/engine/decode_attention.h"

#include <algorithm>

namespace koeval::engine {
namespace {

// `parts` one after the other, in a buffer with `room` more rows.
at::Tensor WithRoom(const std::vector<at::Tensor>& parts, int64_t room) {
  int64_t rows = room;
  for (const at::Tensor& part : parts) rows += part.size(0);
  at::Tensor out =
      at::empty({rows, parts.front().size(1), parts.front().size(2)}, parts.front().options());
  int64_t at = 0;
  for (const at::Tensor& part : parts) {
    out.narrow(0, at, part.size(0)).copy_(part);
    at += part.size(0);
  }
  return out;
}

}  // namespace

DecodeGroup::DecodeGroup(const plan::MicroBatch& micro_batch, const std::vector<KeyValues>& prefix,
                         const std::vector<KeyValues>& stored,
                         std::span<const int32_t> token_of_text, int64_t tokens_max)
    : rows_(micro_batch, prefix.empty() ? 0 : prefix.front().keys.size(0)) {
  for (const int32_t token : token_of_text) rows_.AddText(token);
  // The last token of a text is never the input of a step.
  const int64_t room = static_cast<int64_t>(token_of_text.size()) * (tokens_max - 1);
  for (size_t layer = 0; layer < std::max(prefix.size(), stored.size()); ++layer) {
    std::vector<at::Tensor> keys, values;
    for (const std::vector<KeyValues>* part : {&prefix, &stored}) {
      if (part->empty()) continue;
      keys.push_back((*part)[layer].keys);
      values.push_back((*part)[layer].values);
    }
    buffer_.push_back({WithRoom(keys, room), WithRoom(values, room)});
  }
}

std::vector<int32_t> DecodeGroup::Begin(std::span<const size_t> texts) {
  texts_.assign(texts.begin(), texts.end());
  masks_.clear();
  key_biases_.reset();
  std::vector<int32_t> positions;
  for (const size_t text : texts_) positions.push_back(rows_.Append(text));
  return positions;
}

const at::Tensor& DecodeGroup::MaskFor(int64_t window, const at::Tensor& like) {
  at::Tensor& mask = masks_[window];
  if (!mask.defined()) {
    const std::vector<float> values = rows_.Mask(texts_, window);
    mask = at::tensor(values, at::TensorOptions(at::kFloat))
               .view({size(), rows_.rows() - rows_.SeenByAll(window)})
               .to(like.device(), like.scalar_type());
  }
  return mask;
}

const at::Tensor& DecodeGroup::KeyBiases(const model::AlibiSpec* alibi, const at::Tensor& like) {
  if (alibi != nullptr && !key_biases_.defined()) {
    key_biases_ = AlibiBiases(
        *alibi, at::tensor(rows_.positions(), at::TensorOptions(at::kInt)).to(like.device()));
  }
  return key_biases_;
}

at::Tensor DecodeGroup::Run(size_t layer, const AttentionShape& shape, const at::Tensor& queries,
                            const KeyValues& fresh) {
  KeyValues& buffer = buffer_[layer];
  const int64_t rows = rows_.rows();
  buffer.keys.narrow(0, rows - size(), size()).copy_(fresh.keys);
  buffer.values.narrow(0, rows - size(), size()).copy_(fresh.values);
  return Attend(queries, buffer.keys.narrow(0, 0, rows), buffer.values.narrow(0, 0, rows), shape,
                KeyBiases(shape.alibi, queries), MaskFor(shape.window, queries));
}

at::Tensor DecodeAttention::Run(size_t layer, const AttentionShape& shape,
                                const at::Tensor& queries, const KeyValues& fresh) {
  std::vector<at::Tensor> parts;
  int64_t at = 0;
  for (DecodeGroup& group : groups_) {
    const int64_t count = group.size();
    if (count == 0) continue;
    parts.push_back(
        group.Run(layer, shape, queries.narrow(0, at, count),
                  {fresh.keys.narrow(0, at, count), fresh.values.narrow(0, at, count)}));
    at += count;
  }
  return parts.size() == 1 ? parts.front() : at::cat(parts);
}

}  // namespace koeval::engine
