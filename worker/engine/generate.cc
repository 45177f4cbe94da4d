// Prefill, steps, and the choice of tokens.
#include "worker/engine/generate.h"

#include <algorithm>
#include <numeric>
#include <string>
#include <utility>

namespace koeval::engine {
namespace {

// Logits that are in memory at once, as float32.
constexpr int64_t kChunkBytes = int64_t{64} << 20;

Status NotFinite(int32_t request, size_t token) {
  return DataLoss("NUMERICAL_FAULT: request " + std::to_string(request) + ", new token " +
                  std::to_string(token) +
                  ": the model's logits are NaN or infinite; check the checkpoint, or submit it "
                  "with a wider precision (bfloat16 or float32)");
}

// Adds `token` to the ascending set `seen`.
void AddSeen(int32_t token, std::vector<int32_t>& seen) {
  const auto at = std::lower_bound(seen.begin(), seen.end(), token);
  if (at == seen.end() || *at != token) seen.insert(at, token);
}

}  // namespace

Result<std::vector<Generated>> Generator::Run(const plan::Batch& batch, model::RopeRange range) {
  groups_.clear();
  texts_.clear();
  at::Tensor hidden = Prefill(batch, range);
  std::vector<Text*> going;
  for (Text& text : texts_) going.push_back(&text);
  while (!going.empty()) {
    RETURN_IF_ERROR(Extend(hidden, going));
    std::erase_if(going, [](const Text* text) { return text->done; });
    RETURN_IF_ERROR(EndRestarting(range, going));
    if (!going.empty()) hidden = Step(going);
  }
  return Finish();
}

at::Tensor Generator::Prefill(const plan::Batch& batch, model::RopeRange range) {
  const std::vector<KeyValues> nothing;
  std::vector<KeyValues> prefix;
  at::Tensor prefix_hidden;
  if (!batch.prefix.empty()) {
    const plan::MicroBatch alone = AsMicroBatch(batch.prefix);
    PackedAttention attention(alone, nothing, decoder_.dtype(), decoder_.device());
    prefix_hidden = decoder_.Forward(alone.tokens, alone.positions, attention, &prefix, range);
  }
  std::vector<at::Tensor> last;
  for (size_t i = 0; i < batch.micro_batches.size(); ++i) {
    const plan::MicroBatch& micro_batch = batch.micro_batches[i];
    std::vector<KeyValues> stored;
    at::Tensor hidden;
    if (!micro_batch.tokens.empty()) {
      PackedAttention attention(micro_batch, prefix, decoder_.dtype(), decoder_.device());
      hidden =
          decoder_.Forward(micro_batch.tokens, micro_batch.positions, attention, &stored, range);
    }
    AddGroup(batch, i, prefix, stored, prefix_hidden, hidden, last);
  }
  return at::cat(last);
}

void Generator::AddGroup(const plan::Batch& batch, size_t micro_batch,
                         const std::vector<KeyValues>& prefix, const std::vector<KeyValues>& stored,
                         const at::Tensor& prefix_hidden, const at::Tensor& hidden,
                         std::vector<at::Tensor>& last) {
  const plan::MicroBatch& packed = batch.micro_batches[micro_batch];
  std::map<int32_t, std::vector<int32_t>> requests_of_token;  // equal prompts are one text
  for (const plan::Row& row : packed.rows) requests_of_token[row.token].push_back(row.request);
  std::vector<int32_t> tokens;
  const size_t first = texts_.size();
  for (auto& [token, requests] : requests_of_token) {
    Text text;
    text.requests = std::move(requests);
    text.group = groups_.size();
    text.in_group = tokens.size();
    texts_.push_back(std::move(text));
    tokens.push_back(token);
    last.push_back(token < 0 ? prefix_hidden.narrow(0, -1 - token, 1) : hidden.narrow(0, token, 1));
  }
  groups_.emplace_back(packed, prefix, stored, tokens, options_.tokens_max);
  const bool penalises = options_.repetition_penalty != 1;
  if (!penalises && original_length_ == 0) return;
  const auto prefix_tokens = static_cast<int64_t>(batch.prefix.size());
  for (size_t i = first; i < texts_.size(); ++i) {
    for (const int64_t row : groups_.back().rows().RowsOf(texts_[i].in_group)) {
      const auto at = static_cast<size_t>(row < prefix_tokens ? row : row - prefix_tokens);
      const int32_t token = row < prefix_tokens ? batch.prefix[at] : packed.tokens[at];
      if (penalises) AddSeen(token, texts_[i].seen);
      if (original_length_ > 0) texts_[i].prompt.push_back(token);
    }
  }
}

Status Generator::Extend(const at::Tensor& hidden, std::span<Text* const> texts) const {
  const int64_t row_bytes = decoder_.spec().vocab_size * int64_t{sizeof(float)};
  const auto chunk = static_cast<size_t>(std::max<int64_t>(1, kChunkBytes / row_bytes));
  for (size_t at = 0; at < texts.size(); at += chunk) {
    const auto part = texts.subspan(at, std::min(chunk, texts.size() - at));
    RETURN_IF_ERROR(ExtendChunk(
        hidden.narrow(0, static_cast<int64_t>(at), static_cast<int64_t>(part.size())), part));
  }
  return OkStatus();
}

Status Generator::ExtendChunk(const at::Tensor& hidden, std::span<Text* const> texts) const {
  const at::Tensor logits = decoder_.Head(hidden);  // (texts, vocabulary)
  // A sum is finite exactly when every term is, and costs one pass.
  const at::Tensor finite = at::isfinite(at::sum(logits, {-1}, false, at::kFloat)).to(at::kCPU);
  const bool plain = options_.repetition_penalty == 1;
  const at::Tensor best = at::argmax(plain ? logits : Penalised(logits, texts), -1).to(at::kCPU);
  for (size_t i = 0; i < texts.size(); ++i) {
    Text& text = *texts[i];
    if (!finite.const_data_ptr<bool>()[i]) return NotFinite(text.requests.front(), text.ids.size());
    text.ids.push_back(static_cast<int32_t>(best.const_data_ptr<int64_t>()[i]));
    if (!plain) AddSeen(text.ids.back(), text.seen);
    ASSIGN_OR_RETURN(const bool ends, options_.ends(text.ids));
    text.done = ends || static_cast<int64_t>(text.ids.size()) >= options_.tokens_max;
  }
  return OkStatus();
}

at::Tensor Generator::Penalised(const at::Tensor& logits, std::span<Text* const> texts) const {
  at::Tensor out = logits.to(at::kFloat, /*non_blocking=*/false, /*copy=*/true);
  const double penalty = options_.repetition_penalty;
  for (size_t i = 0; i < texts.size(); ++i) {
    at::Tensor line = out.select(0, static_cast<int64_t>(i));
    const at::Tensor seen =
        at::tensor(texts[i]->seen, at::TensorOptions(at::kLong)).to(logits.device());
    const at::Tensor values = line.index_select(0, seen);
    line.index_copy_(0, seen, at::where(values < 0, values * penalty, values / penalty));
  }
  return out;
}

model::RopeRange Generator::RangeNow(const Text& text) const {
  return RangeOf(static_cast<int64_t>(text.prompt.size() + text.ids.size()), original_length_);
}

Status Generator::EndRestarting(model::RopeRange range, std::vector<Text*>& texts) const {
  if (!decoder_.spec().rope_restarts || range == model::RopeRange::kExtended) return OkStatus();
  for (Text* text : texts) {
    if (RangeNow(*text) == model::RopeRange::kExtended) {
      RETURN_IF_ERROR(GoOnAlone(text->prompt, *text));
    }
  }
  std::erase_if(texts, [](const Text* text) { return text->done; });
  return OkStatus();
}

at::Tensor Generator::Step(std::vector<Text*>& texts) {
  std::sort(texts.begin(), texts.end(), [this](const Text* a, const Text* b) {
    return std::pair(RangeNow(*a), a) < std::pair(RangeNow(*b), b);
  });
  const auto extended = std::find_if(texts.begin(), texts.end(), [this](const Text* text) {
    return RangeNow(*text) == model::RopeRange::kExtended;
  });
  std::vector<at::Tensor> hidden;
  if (extended != texts.begin()) {
    hidden.push_back(StepOf({texts.begin(), extended}, model::RopeRange::kOriginal));
  }
  if (extended != texts.end()) {
    hidden.push_back(StepOf({extended, texts.end()}, model::RopeRange::kExtended));
  }
  return hidden.size() == 1 ? hidden.front() : at::cat(hidden);
}

at::Tensor Generator::StepOf(std::span<Text* const> texts, model::RopeRange range) {
  std::vector<std::vector<size_t>> by_group(groups_.size());
  std::vector<int32_t> tokens, positions;
  for (const Text* text : texts) {
    by_group[text->group].push_back(text->in_group);
    tokens.push_back(text->ids.back());
  }
  for (size_t g = 0; g < groups_.size(); ++g) {
    const std::vector<int32_t> some = groups_[g].Begin(by_group[g]);
    positions.insert(positions.end(), some.begin(), some.end());
  }
  DecodeAttention attention(groups_);
  return decoder_.Forward(tokens, positions, attention, nullptr, range);
}

std::vector<Generated> Generator::Finish() const {
  std::vector<Generated> out;
  for (const Text& text : texts_) {
    for (const int32_t request : text.requests) out.push_back({request, text.ids});
  }
  std::sort(out.begin(), out.end(),
            [](const Generated& a, const Generated& b) { return a.request < b.request; });
  return out;
}

Result<Generated> Generator::RunAlone(const std::vector<int32_t>& prompt, int32_t request) const {
  Text text;
  text.requests = {request};
  if (options_.repetition_penalty != 1) {
    for (const int32_t token : prompt) AddSeen(token, text.seen);
  }
  RETURN_IF_ERROR(GoOnAlone(prompt, text));
  return Generated{request, text.ids};
}

Status Generator::GoOnAlone(const std::vector<int32_t>& prompt, Text& text) const {
  std::vector<int32_t> all = prompt;
  all.insert(all.end(), text.ids.begin(), text.ids.end());
  std::vector<KeyValues> cache;
  size_t stored = 0;  // tokens whose keys are in the cache
  auto range = RangeOf(static_cast<int64_t>(all.size()), original_length_);
  Text* const self = &text;
  while (!text.done) {
    const auto now = RangeOf(static_cast<int64_t>(all.size()), original_length_);
    if (now != range && decoder_.spec().rope_restarts) {
      cache.clear();
      stored = 0;
    }
    range = now;
    const std::vector<int32_t> tokens(all.begin() + static_cast<std::ptrdiff_t>(stored), all.end());
    std::vector<int32_t> positions(tokens.size());
    std::iota(positions.begin(), positions.end(), static_cast<int32_t>(stored));
    CausalAttention attention(&cache);
    const at::Tensor hidden = decoder_.Forward(tokens, positions, attention, nullptr, range);
    RETURN_IF_ERROR(Extend(hidden.narrow(0, hidden.size(0) - 1, 1), {&self, 1}));
    stored = all.size();
    all.push_back(text.ids.back());
  }
  return OkStatus();
}

}  // namespace koeval::engine
