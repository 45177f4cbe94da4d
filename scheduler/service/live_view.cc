// Progress and reasons of live requests.
#include "scheduler/service/live_view.h"

#include <algorithm>

namespace koeval::service {
namespace {

bool IsTerminal(const core::RequestRow& row) {
  return row.state == core::RequestState::kFinished || row.state == core::RequestState::kFailed;
}

// A terminal request needs no core: all of a finished one is done.
LiveView TerminalView(const core::RequestRow& row) {
  LiveView view;
  if (!row.plan) return view;
  view.progress.batches_total = row.plan->BatchCount();
  if (row.state == core::RequestState::kFinished) {
    view.progress.batches_done = view.progress.batches_total;
  }
  return view;
}

}  // namespace

LiveView ReadLiveView(const core::Core& core, const core::RequestRow& row) {
  if (row.state == core::RequestState::kFinished) return TerminalView(row);
  return {core.ProgressOf(row.id), core.WaitReason(row.id)};
}

Result<std::vector<LiveView>> AskLiveViews(Dispatcher& dispatcher,
                                           std::span<const core::RequestRow> rows) {
  std::vector<LiveView> views(rows.size());
  for (size_t i = 0; i < rows.size(); ++i) views[i] = TerminalView(rows[i]);
  if (std::all_of(rows.begin(), rows.end(), IsTerminal)) return views;
  RETURN_IF_ERROR(dispatcher.Ask([rows, &views](const core::Core& core, core::Now) {
    for (size_t i = 0; i < rows.size(); ++i) {
      if (!IsTerminal(rows[i])) views[i] = ReadLiveView(core, rows[i]);
    }
  }));
  return views;
}

}  // namespace koeval::service
