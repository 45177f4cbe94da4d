// The newest finished requests, compared, and a queue laid over slots.
#include "scheduler/service/run_estimate.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <vector>

#include "common/base/json.h"
#include "scheduler/core/state.h"
#include "scheduler/service/limits.h"

namespace koeval::service {
namespace {

bool IsAlike(const core::RequestSpec& a, const core::RequestSpec& b) {
  return a.suite_version == b.suite_version && a.profile == b.profile && a.limit == b.limit &&
         a.precision == b.precision;
}

// 0 where it is not known.
int64_t ParametersOf(const core::RequestRow& row) {
  const auto json = ParseJson(row.facts_json);
  const Json* facts = json.ok() ? JsonFind(*json, "facts") : nullptr;
  if (facts == nullptr) return 0;
  const auto parameters = JsonInt(*facts, "parameters", "facts");
  return parameters.ok() ? *parameters : 0;
}

}  // namespace

Result<std::optional<int64_t>> EstimateRunMs(store::Reader& reader, const core::RequestSpec& spec,
                                             int64_t parameters) {
  if (parameters <= 0) return std::optional<int64_t>();
  store::RequestFilter filter;
  filter.states = {core::RequestState::kFinished};
  filter.suite = spec.suite;
  store::Page page;
  page.limit = kRunsCompared;
  page.newest_first = true;
  ASSIGN_OR_RETURN(const auto rows, reader.ListRequests(filter, page));
  std::vector<double> rates;
  for (const core::RequestRow& row : rows) {
    const int64_t others = ParametersOf(row);
    const int64_t micros = row.finished_at.micros - row.started_at.micros;
    if (others <= 0 || micros < 0 || !IsAlike(row.spec, spec)) continue;
    rates.push_back(static_cast<double>(micros) / 1e3 / static_cast<double>(others));
  }
  if (rates.empty()) return std::optional<int64_t>();
  const auto middle = rates.begin() + static_cast<long>(rates.size() / 2);
  std::nth_element(rates.begin(), middle, rates.end());
  return std::optional<int64_t>(std::llround(*middle * static_cast<double>(parameters)));
}

Ahead AheadOf(const core::Core& core, int64_t priority) {
  Ahead out;
  const core::State& state = core.state();
  for (const auto& [id, lease] : state.leases) {
    if (const auto eta = core.ProgressOf(lease.row.request).eta_ms) out.etas.push_back(*eta);
  }
  const core::Rank newest{priority, state.next_number, nullptr};
  std::vector<core::Rank> ranks;
  const auto add = [&](const core::RankTree& tree) {
    for (const core::Rank& rank : tree) {
      if (!(rank < newest) || ranks.size() > kAheadMax) return;
      ranks.push_back(rank);
    }
  };
  add(state.checks);
  for (const auto& [hardware_class, tree] : state.wait) add(tree);
  if (ranks.size() > kAheadMax) return out;
  std::sort(ranks.begin(), ranks.end());
  out.waiting.emplace();
  for (const core::Rank& rank : ranks) out.waiting->push_back(rank.request->row);
  return out;
}

std::optional<int64_t> StartMs(std::vector<int64_t> etas,
                               std::span<const std::optional<int64_t>> runs) {
  if (etas.empty()) return std::nullopt;
  std::make_heap(etas.begin(), etas.end(), std::greater<>());  // the first that comes free
  for (const std::optional<int64_t>& run : runs) {
    if (!run) return std::nullopt;
    std::pop_heap(etas.begin(), etas.end(), std::greater<>());
    etas.back() += *run;
    std::push_heap(etas.begin(), etas.end(), std::greater<>());
  }
  return etas.front();
}

Result<std::optional<int64_t>> EstimateStartMs(store::Reader& reader, const Ahead& ahead) {
  if (!ahead.waiting) return std::optional<int64_t>();
  std::vector<std::optional<int64_t>> runs;
  for (const core::RequestRow& row : *ahead.waiting) {
    ASSIGN_OR_RETURN(const auto run, EstimateRunMs(reader, row.spec, ParametersOf(row)));
    runs.push_back(run);
  }
  return StartMs(ahead.etas, runs);
}

}  // namespace koeval::service
