// Answers from their JSON lists.
#include "common/evaluation/answers.h"

#include <fmt/core.h>

#include <limits>

#include "common/base/check.h"

namespace koeval::evaluation {
namespace {

// A number, or one of the words that JSON has no number for.
std::optional<double> ReadNumber(const Json& value) {
  if (value.is_number()) return value.get<double>();
  if (value == "nan") return std::numeric_limits<double>::quiet_NaN();
  if (value == "inf") return std::numeric_limits<double>::infinity();
  if (value == "-inf") return -std::numeric_limits<double>::infinity();
  return std::nullopt;
}

bool HasShape(RequestKind kind, const Json& answer) {
  if (!answer.is_array() || answer.empty() || !answer[0].is_number_integer()) return false;
  switch (kind) {
    case RequestKind::kLoglikelihood:
      return answer.size() == 3 && ReadNumber(answer[1]) && answer[2].is_boolean();
    case RequestKind::kLoglikelihoodRolling:
      return answer.size() == 4 && answer[1].is_number_integer() && answer[2].is_number_integer() &&
             ReadNumber(answer[3]);
    case RequestKind::kGenerate:
      return answer.size() == 2 && answer[1].is_string();
  }
  return false;
}

const char* ShapeOf(RequestKind kind) {
  switch (kind) {
    case RequestKind::kLoglikelihood:
      return "[request, log-likelihood, greedy]";
    case RequestKind::kLoglikelihoodRolling:
      return "[request, window, windows, log-likelihood]";
    case RequestKind::kGenerate:
      return "[request, text]";
  }
  return "";
}

}  // namespace

AnswerSheet::AnswerSheet(RequestKind kind, size_t requests)
    : kind_(kind),
      slots_(requests),
      windows_(kind == RequestKind::kLoglikelihoodRolling ? requests : 0) {}

Result<size_t> AnswerSheet::Place(const Json& answer) {
  if (!HasShape(kind_, answer)) {
    return InvalidArgument(fmt::format("a result must be {}", ShapeOf(kind_)));
  }
  const auto request = answer[0].get<int64_t>();
  if (request < 0 || request >= static_cast<int64_t>(slots_.size())) {
    return InvalidArgument(fmt::format("request {} does not exist", request));
  }
  const auto index = static_cast<size_t>(request);
  Slot& slot = slots_[index];
  if (slot.answered) return InvalidArgument(fmt::format("request {} is answered twice", request));
  if (kind_ == RequestKind::kLoglikelihoodRolling) {
    RETURN_IF_ERROR(PlaceWindow(answer, index));
    return index;
  }
  if (kind_ == RequestKind::kGenerate) {
    slot.response.text = answer[1].get<std::string>();
  } else {
    slot.response.log_likelihood = *ReadNumber(answer[1]);
    slot.response.is_greedy = answer[2].get<bool>();
  }
  slot.answered = true;
  return index;
}

Status AnswerSheet::PlaceWindow(const Json& answer, size_t index) {
  const auto window = answer[1].get<int64_t>();
  const auto count = answer[2].get<int64_t>();
  Windows& windows = windows_[index];
  const bool first = windows.values.empty();
  const bool fits = count == 0 ? first && window == 0 : window >= 0 && window < count;
  if (!fits || count < 0 || count > kWindowsMax ||
      (!first && static_cast<size_t>(count) != windows.values.size())) {
    return InvalidArgument(fmt::format("request {} has no window {} of {}", index, window, count));
  }
  if (count == 0) {
    slots_[index].answered = true;
    return OkStatus();
  }
  if (first) {
    windows.values.resize(static_cast<size_t>(count));
    windows.missing = windows.values.size();
  }
  std::optional<double>& value = windows.values[static_cast<size_t>(window)];
  if (value) {
    return InvalidArgument(fmt::format("window {} of request {} is answered twice", window, index));
  }
  value = ReadNumber(answer[3]);
  if (--windows.missing > 0) return OkStatus();
  double sum = 0;
  for (const std::optional<double>& part : windows.values) sum += *part;
  slots_[index].response.log_likelihood = sum;
  slots_[index].answered = true;
  windows.values = {};
  return OkStatus();
}

bool AnswerSheet::IsComplete(size_t index) const {
  return slots_[index].answered;
}

std::optional<size_t> AnswerSheet::FirstMissing() const {
  for (size_t i = 0; i < slots_.size(); ++i) {
    if (!slots_[i].answered) return i;
  }
  return std::nullopt;
}

std::vector<Response> AnswerSheet::Responses() const {
  std::vector<Response> out;
  out.reserve(slots_.size());
  for (const Slot& slot : slots_) {
    KOEVAL_CHECK(slot.answered, "every request has its answer");
    out.push_back(slot.response);
  }
  return out;
}

}  // namespace koeval::evaluation
