// The leaderboards of all suites, put together in one place, kept ready, and brought up to date
// from the change feed: what pages, files, koeval.v1 and the client show.
//
// THREADS: one of its own builds every leaderboard right after the start and brings them up to date
// as events are committed, so that readers find them ready. It reads through read-only connections.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "common/base/mutex.h"
#include "common/base/status.h"
#include "scheduler/service/service_context.h"
#include "scheduler/service/suites.h"
#include "scheduler/web/board.h"

namespace koeval::service {

// One version of a suite. Models are called by the names that everyone may know.
struct Leaderboard {
  web::Board board;
  std::vector<std::string> metrics;                 // of the columns
  std::vector<core::ModelRow> models;               // by BoardRow::index
  std::vector<std::optional<core::FlagRow>> flags;  // in force, by BoardRow::index
};
// shared_ptr: an answer goes on with its leaderboard after a newer one took its place.
using LeaderboardPtr = std::shared_ptr<const Leaderboard>;

// Which evaluations have a row: finished ones of every document, and imported scores of models that
// have none in that precision. A row belongs to the version of the suite that it was evaluated in.
class Leaderboards {
 public:
  // `context` outlives this object.
  explicit Leaderboards(ServiceContext context) : context_(context) {}
  ~Leaderboards();  // Stop()

  // Starts to build. Once.
  void Start();
  // Whether every leaderboard was built; waits for that, at most `ms`.
  bool WaitUntilBuilt(int64_t ms) EXCLUDES(mutex_);
  // Something was committed. Any thread; never blocks for long.
  void Wake() EXCLUDES(mutex_);
  // Joins. Idempotent.
  void Stop() EXCLUDES(mutex_);

  // The leaderboard of `version` of `suite` ("" = the current one) with everything that was
  // committed before the call, imported scores, model facts and flags too. Thread-safe; may read
  // the store: in a pool. NOT_FOUND: nothing was evaluated in that version.
  Result<LeaderboardPtr> Get(const LoadedSuite& suite, const std::string& version) EXCLUDES(mutex_);

 private:
  // A row of one of our own requests, and what that says about its model.
  struct OwnRow {
    web::BoardRow row;
    std::vector<evaluation::EntryScore> entries;
    core::ModelRow known;
  };
  using OwnRows = std::vector<OwnRow>;
  using Versions = std::map<std::string, LeaderboardPtr>;

  struct Kept {
    const LoadedSuite* suite = nullptr;  // that `boards` were made for
    int64_t seq = 0;                     // changes up to this one are in `own`
    int64_t changes = 0;                 // BoardState::changes
    std::shared_ptr<const OwnRows> own;
    std::shared_ptr<const Versions> boards;
    bool busy = false;  // a thread reads it anew
  };

  void Loop();
  void Refresh();
  Result<std::shared_ptr<const Versions>> Current(const LoadedSuite& suite) EXCLUDES(mutex_);
  Result<Kept> ReadAnew(const LoadedSuite& suite, Kept old);
  static Result<OwnRows> ReadAll(store::Reader& reader, const LoadedSuite& suite);
  struct Changes {
    OwnRows rows;        // new ones of the suite
    bool facts = false;  // something else is known about a model of the board
  };
  // What the feed says after `seq`; nothing when it is too much to look through.
  static Result<std::optional<Changes>> ReadChanges(store::Reader& reader, const LoadedSuite& suite,
                                                    int64_t seq, const OwnRows& own);
  static std::shared_ptr<const OwnRows> Joined(OwnRows own, OwnRows added);
  Result<std::shared_ptr<const Versions>> Assemble(store::Reader& reader, const LoadedSuite& suite,
                                                   const OwnRows& own);
  static Result<std::optional<OwnRow>> ReadRow(store::Reader& reader, const LoadedSuite& suite,
                                               const core::RequestRow& row);

  const ServiceContext context_;
  Mutex mutex_;
  CondVar read_;     // a thread has read a leaderboard anew
  CondVar changed_;  // of the members below
  std::map<std::string, Kept> kept_ GUARDED_BY(mutex_);
  bool woken_ GUARDED_BY(mutex_) = true;
  bool built_ GUARDED_BY(mutex_) = false;
  bool stop_ GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace koeval::service
