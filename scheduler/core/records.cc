// Names of states and phases, and comparisons of rows.
#include "scheduler/core/records.h"

#include <array>
#include <cstddef>
#include <utility>

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

std::vector<std::string_view> DifferingFields(const RequestSpec& a, const RequestSpec& b) {
  const bool has_wanted = !a.wanted_revision.empty() && !b.wanted_revision.empty();
  const bool same_revision =
      has_wanted ? a.wanted_revision == b.wanted_revision : a.revision == b.revision;
  const std::array<std::pair<std::string_view, bool>, 12> fields = {
      {{"model", a.model == b.model},
       {"revision", same_revision},
       {"precision", a.precision == b.precision},
       {"weight_type", a.weight_type == b.weight_type},
       {"model_type", a.model_type == b.model_type},
       {"suite", a.suite == b.suite},
       {"profile", a.profile == b.profile},
       {"limit", a.limit == b.limit},
       {"priority", a.priority == b.priority},
       {"time_limit_ms", a.time_limit_ms == b.time_limit_ms},
       {"submitter", a.submitter == b.submitter},
       {"chat", a.chat == b.chat}}};
  std::vector<std::string_view> out;
  for (const auto& [name, is_same] : fields) {
    if (!is_same) out.push_back(name);
  }
  return out;
}

std::string ModelKey(const RequestSpec& spec) {
  return spec.model + "@" + spec.revision + ":" + spec.precision;
}

}  // namespace koeval::core
