// Views as the versioned JSON of `--json`: {"schema": "koeval.<what>/1", ...}. Fields are only
// added.
#pragma once

#include <vector>

#include "common/base/json.h"
#include "scheduler/cli/client.h"
#include "scheduler/cli/view.h"

namespace koeval::cli {

Json ToJson(const RequestView& request);
Json ToJson(const AttemptView& attempt);
Json ToJson(const ExplanationView& explanation);
Json ToJson(const DryRunView& run);
Json ToJson(const QueueView& queue);
Json ToJson(const WorkerView& worker);
Json ToJson(const ResultsView& results);
Json ToJson(const LeaderboardView& leaderboard);
Json ToJson(const FlagView& flag);
Json ToJson(const ModelView& model);
Json ToJson(const RefreshView& refresh);
Json ToJson(const TaskScoreView& task);
Json ToJson(const SuiteView& suite);

template <typename View>
Json ToJsonList(const std::vector<View>& views) {
  Json out = Json::array();
  for (const View& view : views) out.push_back(ToJson(view));
  return out;
}

// `{"schema": "koeval.<what>/1", "<key>": value}`.
Json Document(const std::string& what, const std::string& key, Json value);

}  // namespace koeval::cli
