// Attention in blocks over tries, and in one piece over a sequence.
#include "worker/engine/attention.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <utility>

namespace koeval::engine {
namespace {

constexpr float kHidden = -std::numeric_limits<float>::infinity();

at::Tensor Rows(const at::Tensor& buffer, const std::vector<KeyRange>& ranges) {
  if (ranges.size() == 1) {
    return buffer.narrow(0, ranges[0].begin, ranges[0].end - ranges[0].begin);
  }
  std::vector<at::Tensor> parts;
  for (const KeyRange& range : ranges) {
    parts.push_back(buffer.narrow(0, range.begin, range.end - range.begin));
  }
  return at::cat(parts);
}

at::Tensor MaskTensor(const AttentionBlock& block, at::ScalarType dtype, at::Device device) {
  if (block.mask.empty()) return {};
  const int64_t queries = block.query_end - block.query_begin;
  at::Tensor mask = at::empty({queries, block.key_count - block.mask_begin}, at::kFloat);
  float* out = mask.mutable_data_ptr<float>();
  for (size_t i = 0; i < block.mask.size(); ++i) out[i] = block.mask[i] != 0 ? 0.0f : kHidden;
  return mask.to(device, dtype);
}

}  // namespace

at::Tensor AlibiBiases(const model::AlibiSpec& alibi, const at::Tensor& positions) {
  const auto type = alibi.bfloat16 ? at::kBFloat16 : at::kFloat;
  const at::Tensor slopes = at::tensor(alibi.slopes, at::TensorOptions(at::kFloat))
                                .to(positions.device(), type)
                                .unsqueeze(0);
  return (slopes * positions.to(type).unsqueeze(1)).to(at::kFloat) * alibi.scale;
}

// Plain products on purpose: with libtorch 2.13 on a CPU, its fused float32 kernel was mostly
// faster alone but made no difference to whole runs, where linear layers take most of the time; in
// bfloat16 it is known to be far slower in builds without MKL.
at::Tensor Attend(const at::Tensor& queries, const at::Tensor& keys, const at::Tensor& values,
                  const AttentionShape& shape, const at::Tensor& biases, const at::Tensor& mask) {
  const auto score_type = shape.float32_scores ? at::kFloat : queries.scalar_type();
  const int64_t n = queries.size(0), head_dim = queries.size(2), columns = keys.size(0);
  const int64_t kv_heads = keys.size(1);
  const int64_t group = queries.size(1) / kv_heads;
  const at::Tensor grouped = queries.view({n, kv_heads, group, head_dim})
                                 .permute({1, 2, 0, 3})
                                 .reshape({kv_heads, group * n, head_dim})
                                 .to(score_type);
  const at::Tensor columns_of_heads = keys.permute({1, 2, 0}).to(score_type);
  const at::Tensor unused = at::empty({1, 1, 1}, grouped.options());
  at::Tensor scores =
      Softcap(at::baddbmm(unused, grouped, columns_of_heads, 0, shape.score_scale), shape.softcap);
  const at::Tensor by_head = scores.view({kv_heads, group, n, columns});
  if (biases.defined()) by_head.add_(biases.t().reshape({kv_heads, group, 1, columns}));
  if (mask.defined()) by_head.narrow(3, columns - mask.size(1), mask.size(1)).add_(mask);
  const at::Tensor weights = at::softmax(scores, -1, at::kFloat).to(queries.scalar_type());
  return at::bmm(weights, values.permute({1, 0, 2}))
      .view({kv_heads, group, n, head_dim})
      .permute({2, 0, 1, 3})
      .reshape({n, kv_heads * group * head_dim});
}

at::Tensor Softcap(at::Tensor x, double cap) {
  if (cap == 0) return x;
  return x.div_(cap).tanh_().mul_(cap);
}

PackedAttention::PackedAttention(const plan::MicroBatch& micro_batch,
                                 const std::vector<KeyValues>& prefix, at::ScalarType dtype,
                                 at::Device device)
    : micro_batch_(micro_batch),
      prefix_(prefix),
      prefix_tokens_(prefix.empty() ? 0 : prefix.front().keys.size(0)),
      dtype_(dtype),
      device_(device) {}

const std::vector<PackedAttention::Block>& PackedAttention::BlocksFor(int64_t window) {
  const auto [at, fresh] = blocks_.try_emplace(window);
  if (fresh) {
    for (AttentionBlock& plan : PlanAttention(micro_batch_, prefix_tokens_, window)) {
      Block block{std::move(plan), {}};
      block.mask = MaskTensor(block.plan, dtype_, device_);
      block.plan.mask = {};
      at->second.push_back(std::move(block));
    }
  }
  return at->second;
}

at::Tensor PackedAttention::KeyBiases(const model::AlibiSpec* alibi) {
  if (alibi == nullptr || key_biases_.defined()) return key_biases_;
  std::vector<int32_t> positions(static_cast<size_t>(prefix_tokens_));
  std::iota(positions.begin(), positions.end(), 0);
  positions.insert(positions.end(), micro_batch_.positions.begin(), micro_batch_.positions.end());
  key_biases_ = AlibiBiases(*alibi, at::tensor(positions, at::TensorOptions(at::kInt)).to(device_));
  return key_biases_;
}

at::Tensor PackedAttention::Run(size_t layer, const AttentionShape& shape,
                                const at::Tensor& queries, const KeyValues& fresh) {
  KeyValues all = fresh;
  if (prefix_tokens_ > 0) {
    all.keys = at::cat({prefix_[layer].keys, fresh.keys});
    all.values = at::cat({prefix_[layer].values, fresh.values});
  }
  const at::Tensor biases = KeyBiases(shape.alibi);
  std::vector<at::Tensor> parts;
  for (const Block& block : BlocksFor(shape.window)) {
    const AttentionBlock& plan = block.plan;
    parts.push_back(Attend(queries.narrow(0, plan.query_begin, plan.query_end - plan.query_begin),
                           Rows(all.keys, plan.keys), Rows(all.values, plan.keys), shape,
                           biases.defined() ? Rows(biases, plan.keys) : biases, block.mask));
  }
  return parts.size() == 1 ? parts.front() : at::cat(parts);
}

KeyValues CausalAttention::WithCache(size_t layer, const KeyValues& fresh) {
  if (cache_ == nullptr) return fresh;
  if (layer == cache_->size()) {
    cache_->push_back(fresh);
  } else {
    KeyValues& all = (*cache_)[layer];
    all = {at::cat({all.keys, fresh.keys}), at::cat({all.values, fresh.values})};
  }
  return (*cache_)[layer];
}

at::Tensor CausalAttention::Run(size_t layer, const AttentionShape& shape,
                                const at::Tensor& queries, const KeyValues& fresh) {
  const KeyValues all = WithCache(layer, fresh);
  const int64_t n = queries.size(0), heads = queries.size(1), columns = all.keys.size(0);
  const int64_t group = heads / fresh.keys.size(1);
  // (heads, n, head_dim), each key head repeated for the query heads that share it.
  const auto score_type = shape.float32_scores ? at::kFloat : queries.scalar_type();
  const at::Tensor q = queries.transpose(0, 1).to(score_type);
  const at::Tensor k = all.keys.repeat_interleave(group, 1).transpose(0, 1).to(score_type);
  const at::Tensor v = all.values.repeat_interleave(group, 1).transpose(0, 1);
  at::Tensor scores =
      Softcap(at::matmul(q, k.transpose(1, 2)).mul_(shape.score_scale), shape.softcap);
  const at::Tensor position = at::arange(columns, at::TensorOptions(at::kLong).device(q.device()));
  if (shape.alibi != nullptr) scores.add_(AlibiBiases(*shape.alibi, position).t().unsqueeze(1));
  const at::Tensor distance =
      position.narrow(0, columns - n, n).unsqueeze(1) - position.unsqueeze(0);
  at::Tensor hidden = distance < 0;
  if (shape.window > 0) hidden.logical_or_(distance >= shape.window);
  scores.masked_fill_(hidden, kHidden);
  const at::Tensor weights = at::softmax(scores, -1, at::kFloat).to(queries.scalar_type());
  return at::matmul(weights, v).transpose(0, 1).reshape({n, heads * queries.size(2)});
}

}  // namespace koeval::engine
