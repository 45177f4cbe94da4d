// The queue as a page.
#pragma once

#include <string>
#include <vector>

#include "scheduler/cli/view.h"
#include "scheduler/web/page.h"

namespace koeval::web {

// Requests of one state, and where more of them are.
struct QueueSection {
  std::string state;  // "PENDING", ...
  std::vector<cli::RequestView> requests;
  std::string next_page_token;  // "" on the last page
};

struct QueuePageView {
  cli::QueueView queue;
  std::vector<QueueSection> sections;
  // The state that alone is shown, page after page; "" = the beginning of each.
  std::string only_state;
};

std::string RenderQueuePage(const PageContext& context, const QueuePageView& view);

// "Pending", "대기", ...; the name itself when it is no state.
std::string StateLabel(const std::string& state, Language language);
// A word in the colour of the state.
Markup StateBadge(const std::string& state, Language language);
// <progress> with what is done, or the phase where batches are not known yet.
Markup ProgressOf(const cli::RequestView& request, Language language);

}  // namespace koeval::web
