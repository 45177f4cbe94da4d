// What the services around the leaderboard share.
#pragma once

#include <atomic>
#include <cstdint>

#include "scheduler/service/board_exporter.h"
#include "scheduler/service/imported_scores.h"
#include "scheduler/service/reader_pool.h"

namespace koeval::service {

// Thread-safe.
struct BoardState {
  BoardState(ReaderPool& readers, Metrics& metrics, const Redact& redact,
             BoardExporter::Options options)
      : imported(readers), exporter(readers, metrics, redact, std::move(options)) {}

  // Models or imported files have changed.
  void Changed() {
    imported.Forget();
    exporter.Rescan();
    ++changes;
  }

  // Flags were set or lifted.
  void FlagsChanged() { ++changes; }

  ImportedScores imported;
  BoardExporter exporter;
  std::atomic<int64_t> changes{0};  // calls of the functions above
};

}  // namespace koeval::service
