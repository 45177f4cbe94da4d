// The row functions behind the built-ins of process_docs, one family of tasks each.
#pragma once

#include <array>
#include <optional>
#include <string_view>

#include "common/base/json.h"
#include "common/base/status.h"

namespace koeval::evaluation {

// The row that a row becomes, nothing when it is left out. INVALID_ARGUMENT names the column; texts
// of rows never appear.
using RowFunction = Result<std::optional<Json>> (*)(Json row);

struct RowBuiltin {
  std::string_view name;
  RowFunction run;
};

// HellaSwag's cleaning of WikiHow artefacts: adds query, choices and gold.
// Source: lm-evaluation-harness 0.4.13, tasks/hellaswag.
Result<std::optional<Json>> HellaswagRow(Json row);

// KoBEST HellaSwag: adds query, choices and gold. Source: the same, tasks/kobest.
Result<std::optional<Json>> KobestHellaswagRow(Json row);
// CSATQA: question becomes the whole prompt; choices and gold (0-based) are set.
// Source: the same, tasks/csatqa.
Result<std::optional<Json>> CsatqaRow(Json row);
// Ko-CommonGen V2: adds query, choices ("1. ...") and answer (0-based).
// Source: KoCommonGEN-V2, the authors' evaluator.
Result<std::optional<Json>> KoCommongenRow(Json row);

// click_economy, click_grammar, ...: the rows of one category of CLIcK, told by their ids.
// Source: lm-evaluation-harness 0.4.13, tasks/click.
extern const std::array<RowBuiltin, 11> kClickBuiltins;

// Column `key` as a whole number, which may be written as text.
Result<int64_t> WholeNumber(const Json& row, std::string_view key);

}  // namespace koeval::evaluation
