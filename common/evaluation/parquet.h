// Rows of a Parquet file, for builds that have Arrow.
#pragma once

#include <string>
#include <vector>

#include "common/base/json.h"
#include "common/base/status.h"

namespace koeval::evaluation {

inline constexpr int kParquetDepthMax = 32;  // of lists and structs in a column

// The rows of the file at `path`, each an object with the columns in the file's order. Values are
// those that pyarrow's to_pylist gives: whole and decimal numbers, text, booleans, null, lists,
// structs as objects, dictionaries as what they stand for.
// UNIMPLEMENTED when this build has no Arrow, or for a column of another type (bytes, times,
// decimals, maps), with the remedy; NOT_FOUND; RESOURCE_EXHAUSTED over the bounds of dataset.h;
// INVALID_ARGUMENT naming path, and column and row where one is to blame. Texts never appear.
Result<std::vector<Json>> ReadParquetFile(const std::string& path);

}  // namespace koeval::evaluation
