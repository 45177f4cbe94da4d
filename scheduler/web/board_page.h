// The leaderboard as a page.
#pragma once

#include <string>
#include <vector>

#include "scheduler/web/board.h"
#include "scheduler/web/page.h"

namespace koeval::web {

struct SuiteChoice {
  std::string name, title;
};

// One page of rows with filters, column choice and links. `suites`: all that can be chosen.
std::string RenderBoardPage(const PageContext& context, const BoardSelection& selection,
                            const std::vector<SuiteChoice>& suites);
}  // namespace koeval::web
