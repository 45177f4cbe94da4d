// Scores of imported result files, as rows of a suite's leaderboard.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "common/base/mutex.h"
#include "common/base/status.h"
#include "common/evaluation/suite.h"
#include "scheduler/board/result_file.h"
#include "scheduler/service/reader_pool.h"

namespace koeval::service {

// What the files of one model, revision and precision say about the entries of a suite.
struct ImportedRow {
  std::string model, revision, precision;
  WallTime date;                                // of the newest file; 0: not known
  std::vector<evaluation::EntryScore> entries;  // those whose tasks are all there
  double average = 0;                           // not a number while an entry is missing
};

// Rows of `files` that have at least one entry of `suite`. Of several values for one task the one
// of the newest file counts. Names of tasks are compared as the harness's versions write them
// ("arc:challenge", "hendrycksTest-anatomy"), shots where the file tells them. Source: how the
// Open LLM Leaderboard's space reads its own results.
std::vector<ImportedRow> ImportedRows(const evaluation::Suite& suite,
                                      const std::vector<board::ResultFile>& files);

// The imported result files, parsed once. Thread-safe.
class ImportedScores {
 public:
  explicit ImportedScores(ReaderPool& readers) : readers_(readers) {}

  Result<std::shared_ptr<const std::vector<board::ResultFile>>> Files() EXCLUDES(mutex_);
  // Files were imported: they are read anew.
  void Forget() EXCLUDES(mutex_);

 private:
  ReaderPool& readers_;
  Mutex mutex_;
  std::shared_ptr<const std::vector<board::ResultFile>> files_ GUARDED_BY(mutex_);
  int64_t forgotten_ GUARDED_BY(mutex_) = 0;
};

}  // namespace koeval::service
