// Fuzz target: the readers of datasets. The first line of the input says how: j (JSON), c (CSV) or
// t (TSV), then any of f (rows under "data"), q (no quoting), s (all text), k (skip one row), n
// (own column names), and ; (that delimiter). The rest is the file.
#include <string>

#include "common/base/check.h"
#include "common/evaluation/dataset.h"
#include "tests/fuzz/fuzz_targets.h"
#include "tests/fuzz/fuzz_util.h"

namespace koeval::fuzz {
namespace {

evaluation::DatasetOptions ReadOptions(std::string_view line) {
  evaluation::DatasetOptions options;
  for (const char c : line) {
    if (c == 'c') options.format = evaluation::DatasetFormat::kCsv;
    if (c == 't') {
      options.format = evaluation::DatasetFormat::kTsv;
      options.delimiter = '\t';
    }
    if (c == 'f') options.field = "data";
    if (c == 'q') options.quoting = false;
    if (c == 's') options.all_text = true;
    if (c == 'k') options.skip_rows = 1;
    if (c == 'n') options.column_names = {"first", "second"};
    if (c == ';') options.delimiter = ';';
  }
  return options;
}

}  // namespace

void FuzzDataset(std::string_view input) {
  const size_t line_end = input.find('\n');
  if (line_end == std::string_view::npos) return;
  const evaluation::DatasetOptions options = ReadOptions(input.substr(0, line_end));
  const auto rows =
      evaluation::ParseDataset(std::string(input.substr(line_end + 1)), options, "input");
  CheckClearStatus(rows.status());
  if (!rows.ok()) return;
  for (const Json& row : *rows) {
    KOEVAL_CHECK(row.is_object(), "rows are objects");
    const auto again = ParseJson(CompactJson(row));
    KOEVAL_CHECK(again.ok() && *again == row, "a row survives its way to a worker");
  }
}

}  // namespace koeval::fuzz
