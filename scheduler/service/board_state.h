// What the services around the leaderboard share.
#pragma once

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
  }

  ImportedScores imported;
  BoardExporter exporter;
};

}  // namespace koeval::service
