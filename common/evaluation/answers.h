// The answers to a task's requests as batches carry them, one JSON list for each:
//
//   log-likelihood   [request, log-likelihood, greedy]
//   rolling          [request, window, windows, log-likelihood]; a text without tokens has no
//                    windows and the answer [request, 0, 0, 0]
//   generation       [request, text]
//
// Non-finite numbers are the strings "nan", "inf", "-inf".
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "common/base/json.h"
#include "common/base/status.h"
#include "common/evaluation/types.h"

namespace koeval::evaluation {

inline constexpr int64_t kWindowsMax = 1'000'000;  // of one rolling request

// Collects the answers of one task, in whatever order they come. The windows of a rolling request
// are summed in their order, so that the sum is the same to the last bit however they were spread.
class AnswerSheet {
 public:
  AnswerSheet(RequestKind kind, size_t requests);

  // Takes one answer and gives the index of its request. INVALID_ARGUMENT for another shape, a
  // request or window that does not exist, or an answer that is there already.
  Result<size_t> Place(const Json& answer);
  // Whether request `index` has its whole answer.
  bool IsComplete(size_t index) const;
  // The first request that lacks an answer, or a part of it.
  std::optional<size_t> FirstMissing() const;
  // In request order. REQUIRES: nothing is missing.
  std::vector<Response> Responses() const;

 private:
  struct Slot {
    Response response;
    bool answered = false;
  };
  struct Windows {
    std::vector<std::optional<double>> values;
    size_t missing = 0;
  };
  Status PlaceWindow(const Json& answer, size_t index);

  RequestKind kind_;
  std::vector<Slot> slots_;
  std::vector<Windows> windows_;  // kLoglikelihoodRolling alone
};

}  // namespace koeval::evaluation
