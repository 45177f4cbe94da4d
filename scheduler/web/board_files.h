// The leaderboard as CSV and JSON.
#pragma once

#include <string>

#include "common/base/json.h"
#include "scheduler/web/board.h"

namespace koeval::web {

// All selected rows with every column, RFC 4180, UTF-8 with a header; texts that a spreadsheet
// would run as a formula get an apostrophe in front.
std::string BoardCsv(const BoardSelection& selection);
// {"suite","suite_version","columns","total","rows":[...]}: the rows of the page that the query
// asks for; "total" is the number of selected ones.
Json BoardJson(const BoardSelection& selection);

}  // namespace koeval::web
