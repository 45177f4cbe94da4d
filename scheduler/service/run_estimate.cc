// The newest finished requests, compared.
#include "scheduler/service/run_estimate.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "common/base/json.h"
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

}  // namespace koeval::service
