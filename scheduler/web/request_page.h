// One request as a page: where it is, why, its scores, and how to do the same at home.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "scheduler/cli/view.h"
#include "scheduler/web/page.h"

namespace koeval::web {

struct RequestPageView {
  cli::RequestView request;
  std::vector<cli::AttemptView> attempts;
  std::optional<cli::ResultsView> results;  // of a FINISHED one
  std::string explanation;                  // one sentence about a live one; "" = none
  int64_t last_seq = 0;                     // newest change that the views may not show yet
};

std::string RenderRequestPage(const PageContext& context, const RequestPageView& view);

// The `koeval eval` command for what `request` evaluates, with the model from the hub unless it is
// a folder; with `limit`, on that many documents of every task. Words are quoted for a POSIX shell.
std::string ReproduceCommand(const cli::RequestView& request, std::optional<int64_t> limit);

}  // namespace koeval::web
