// The leaderboards that pages show, kept ready and brought up to date from the change feed.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/base/mutex.h"
#include "common/base/status.h"
#include "scheduler/service/results_convert.h"
#include "scheduler/service/service_context.h"
#include "scheduler/service/suites.h"
#include "scheduler/web/board.h"

namespace koeval::service {

// Thread-safe.
class BoardCache {
 public:
  explicit BoardCache(ServiceContext context) : context_(context) {}

  // The board of `suite` with everything that was committed before the call, imported scores, model
  // facts and flags too; while another thread reads it anew, the one before. Reads the store: in a
  // pool. shared_ptr: a page goes on with its board after a newer one took its place.
  Result<std::shared_ptr<const web::Board>> Get(const LoadedSuite& suite) EXCLUDES(mutex_);

 private:
  // A row of one of our own requests, and what that says about its model.
  struct OwnRow {
    web::BoardRow row;
    core::ModelRow known;
  };
  using OwnRows = std::vector<OwnRow>;
  using Flags = std::map<std::string, core::FlagRow>;  // in force, by model

  struct Kept {
    const LoadedSuite* suite = nullptr;  // that `board` was made for
    int64_t seq = 0;                     // changes up to this one are in `own`
    int64_t changes = 0;                 // BoardState::changes
    Flags flags;
    std::shared_ptr<const OwnRows> own;
    std::shared_ptr<const web::Board> board;
    bool busy = false;  // a thread reads it anew
  };

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
  Result<std::shared_ptr<const web::Board>> Assemble(store::Reader& reader,
                                                     const LoadedSuite& suite, const OwnRows& own,
                                                     const Flags& flags);
  static Result<std::optional<OwnRow>> ReadRow(store::Reader& reader, const LoadedSuite& suite,
                                               const core::RequestRow& row);

  const ServiceContext context_;
  Mutex mutex_;
  CondVar read_;
  std::map<std::string, Kept> kept_ GUARDED_BY(mutex_);
};

}  // namespace koeval::service
