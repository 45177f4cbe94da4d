// Views as text for people. Pure: equal views and terminals give equal text.
#pragma once

#include <string>
#include <vector>

#include "scheduler/cli/terminal.h"
#include "scheduler/cli/view.h"

namespace koeval::cli {

// The queue at a glance: counts, running with bars, waiting, the newest finished and failed.
std::string RenderStatus(const Terminal& terminal, const QueueView& queue,
                         const std::vector<RequestView>& requests);
// One request in full: progress, ETA, attempts, reason, what to do. `now_us` dates ages.
std::string RenderRequest(const Terminal& terminal, const RequestView& request,
                          const std::vector<AttemptView>& attempts, int64_t now_us);
// Why a request is where it is: the answer, every slot's verdict, what was decided.
std::string RenderExplanation(const Terminal& terminal, const ExplanationView& why, int64_t now_us);
// What placement makes of each slot; "" for none.
std::string RenderSlots(const Terminal& terminal, const std::vector<SlotVerdictView>& slots,
                        int64_t slots_known);
// A table of requests, one line each.
std::string RenderQueue(const Terminal& terminal, const std::vector<RequestView>& requests,
                        int64_t now_us);
// One line of progress with bar and ETA, for commands that wait.
std::string RenderProgressLine(const Terminal& terminal, const RequestView& request);
std::string RenderWorkers(const Terminal& terminal, const std::vector<WorkerView>& workers);
std::string RenderResults(const Terminal& terminal, const ResultsView& results);
std::string RenderSuites(const Terminal& terminal, const std::vector<SuiteView>& suites);
// One column for each entry of the suite. Where they do not fit, their names become abbreviations
// with a legend; where those do not fit either, the columns are left out and a line says so.
// `columns` of LeaderboardColumns(), "scores" standing for those of the entries; none: average,
// scores, precision. Models that are flagged, deleted or imported are marked in a last column.
std::string RenderLeaderboard(const Terminal& terminal, const LeaderboardView& leaderboard,
                              const std::vector<std::string>& columns = {});
const std::vector<std::string>& LeaderboardColumns();
// A table of models, one line each, with the reason of each flag behind it.
std::string RenderModels(const Terminal& terminal, const std::vector<ModelView>& models);
// "10.7 B", "124 M"; "" for nothing.
std::string ParameterText(const std::optional<int64_t>& parameters);
// Tasks with their metrics, as `koeval eval` ends.
std::string RenderTaskScores(const Terminal& terminal, const std::vector<TaskScoreView>& tasks);

}  // namespace koeval::cli
