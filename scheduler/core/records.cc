// Names of states and phases, and comparisons of rows.
#include "scheduler/core/records.h"

#include <array>
#include <cstddef>
#include <tuple>

#include "common/base/check.h"

namespace koeval::core {
namespace {

constexpr std::array<std::string_view, 4> kStateNames = {"PENDING", "RUNNING", "FINISHED",
                                                         "FAILED"};
constexpr std::array<std::string_view, 6> kPhaseNames = {"checking", "queued",  "planning",
                                                         "batches",  "scoring", "done"};

template <typename Enum, size_t N>
std::string_view NameIn(const std::array<std::string_view, N>& names, Enum value) {
  const auto index = static_cast<size_t>(value);
  KOEVAL_CHECK(index < N, "a value outside its enumeration");
  return names[index];
}

template <typename Enum, size_t N>
std::optional<Enum> ValueIn(const std::array<std::string_view, N>& names, std::string_view name) {
  for (size_t i = 0; i < N; ++i) {
    if (names[i] == name) return static_cast<Enum>(i);
  }
  return std::nullopt;
}

}  // namespace

std::string_view StateName(RequestState state) {
  return NameIn(kStateNames, state);
}

std::optional<RequestState> ParseState(std::string_view name) {
  return ValueIn<RequestState>(kStateNames, name);
}

std::string_view PhaseName(Phase phase) {
  return NameIn(kPhaseNames, phase);
}

std::optional<Phase> ParsePhase(std::string_view name) {
  return ValueIn<Phase>(kPhaseNames, name);
}

bool SameSubmission(const RequestSpec& a, const RequestSpec& b) {
  const auto fields = [](const RequestSpec& s) {
    return std::tie(s.model, s.revision, s.precision, s.weight_type, s.model_type, s.suite,
                    s.profile, s.limit, s.priority, s.time_limit_ms, s.submitter, s.chat);
  };
  return fields(a) == fields(b);
}

std::string ModelKey(const RequestSpec& spec) {
  return spec.model + "@" + spec.revision + ":" + spec.precision;
}

}  // namespace koeval::core
