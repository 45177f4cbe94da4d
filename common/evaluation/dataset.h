// Rows of a dataset from files: JSON lines, JSON, CSV, TSV and Parquet.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/json.h"
#include "common/base/status.h"

namespace koeval::evaluation {

enum class DatasetFormat { kJson, kCsv, kTsv, kParquet };

inline constexpr std::string_view kDatasetExtensions = ".jsonl, .json, .csv, .tsv or .parquet";
// The format that the name of a file stands for; nullopt when it ends in none of
// kDatasetExtensions.
std::optional<DatasetFormat> DatasetFormatOf(const std::string& path);
// The split that the name of a file stands for: "train" of train.jsonl, and of
// train-00000-of-00002.parquet, a part of it.
std::string DatasetSplitOf(const std::string& path);

struct DatasetOptions {
  DatasetFormat format = DatasetFormat::kJson;
  // JSON: the member of a top-level object that holds the rows; "" for a list or JSON lines.
  std::string field;
  // CSV and TSV: names of the columns when the file has no header line.
  std::vector<std::string> column_names;
  char delimiter = ',';
  // CSV and TSV: false takes quote characters as they are, as many Korean TSV files need.
  bool quoting = true;
  // CSV and TSV: true keeps the text of every cell that is not empty.
  bool all_text = false;
  // CSV and TSV: lines to leave out before the first row (a header that is not wanted, say).
  int64_t skip_rows = 0;
};

// Bounds of a dataset.
inline constexpr size_t kDatasetBytesMax = size_t{1} << 30;  // of one file
inline constexpr int64_t kDatasetRowsMax = 10'000'000;

// The rows of `path`, each a JSON object whose members keep the file's order. Values of CSV and TSV
// are what pandas would read: whole numbers, decimal numbers and text by column, empty cells null;
// those of Parquet as parquet.h says, UNIMPLEMENTED where the build has no Arrow.
// NOT_FOUND, RESOURCE_EXHAUSTED, or INVALID_ARGUMENT naming path and line; texts never appear.
Result<std::vector<Json>> ReadDatasetFile(const std::string& path, const DatasetOptions& options);

// The rows of a text, for tests and readers of other sources; `where` names it in errors. Parquet
// is no text: INVALID_ARGUMENT.
Result<std::vector<Json>> ParseDataset(const std::string& text, const DatasetOptions& options,
                                       const std::string& where);

}  // namespace koeval::evaluation
