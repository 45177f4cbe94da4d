// What a build without Arrow says about Parquet files.
#include "common/evaluation/parquet.h"

namespace koeval::evaluation {

Result<std::vector<Json>> ReadParquetFile(const std::string& path) {
  return Unimplemented(path +
                       ": this build cannot read Parquet; run deploy/setup.sh --parquet and build "
                       "again, or convert the file to JSON lines (.jsonl)");
}

}  // namespace koeval::evaluation
