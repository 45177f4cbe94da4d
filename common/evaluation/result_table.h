// The table of a run as lm-evaluation-harness prints it: Markdown, groups indented by depth.
#pragma once

#include <string>

#include "common/base/json.h"

namespace koeval::evaluation {

enum class TableKind { kTasks, kGroups };

// The table over "results" or "groups" of a results value (MakeResults): members below the group
// that holds them, sorted by name; numbers of a column with as many decimals as its longest.
// REQUIRES: for kGroups a value with "groups".
// Source: lm-evaluation-harness 0.4.13, make_table, and pytablewriter 1.2's Markdown.
std::string ResultsTable(const Json& results, TableKind kind);

}  // namespace koeval::evaluation
