// Which requests of a batch may share keys when rotary frequencies depend on an input's length.
// Tensor-free.
#pragma once

#include <cstdint>
#include <vector>

#include "common/model/decoder_spec.h"
#include "worker/plan/plan.h"

namespace koeval::engine {

// The longest input that has the original frequencies; 0 when the frequencies of `spec` do not
// depend on the length.
int64_t OriginalLength(const model::DecoderSpec& spec);

// That of an input of `length` tokens. `original_length` as from OriginalLength.
model::RopeRange RangeOf(int64_t length, int64_t original_length);

// The requests of a batch whose inputs are of one range, with all tokens that they need.
struct RangePart {
  model::RopeRange range = model::RopeRange::kOriginal;
  plan::Batch batch;
};

// Splits `batch` by the range of its requests' inputs: one part, or two when both ranges occur,
// since keys of one range answer no queries of the other. Every request is in exactly one part. The
// tokens that both share are in both. REQUIRES: CheckMicroBatch of all micro-batches.
std::vector<RangePart> SplitByRange(const plan::Batch& batch, int64_t original_length);

}  // namespace koeval::engine
