// Windows over the tokens of one text.
#include "worker/plan/rolling.h"

#include <algorithm>
#include <utility>

namespace koeval::plan {

std::vector<Sequence> RollingWindows(std::span<const int32_t> tokens, int32_t prefix,
                                     int64_t max_length) {
  std::vector<Sequence> out;
  // Tokens with the prefix in front: the input that predicts token i is the one at place i of this.
  std::vector<int32_t> inputs = {prefix};
  inputs.insert(inputs.end(), tokens.begin(), tokens.end());
  const auto count = static_cast<int64_t>(tokens.size());
  for (int64_t begin = 0; begin < count; begin += max_length) {
    const int64_t end = std::min(count, begin + max_length);
    Sequence window;
    window.input.assign(inputs.begin() + std::max<int64_t>(0, end - max_length),
                        inputs.begin() + end);
    window.targets.assign(tokens.begin() + begin, tokens.begin() + end);
    out.push_back(std::move(window));
  }
  return out;
}

}  // namespace koeval::plan
