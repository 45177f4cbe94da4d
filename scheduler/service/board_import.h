// Taking in files of the leaderboard's datasets.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/base/status.h"
#include "koeval/v1/board.pb.h"
#include "scheduler/board/board_path.h"
#include "scheduler/service/service_context.h"

namespace koeval::service {

Result<board::FileKind> FileKindFromProto(int kind);

// One import: files are parsed as they come and stored some at a time, in commits of their own. One
// thread at a time, of our pools.
class BoardImport {
 public:
  BoardImport(const ServiceContext& context, core::Actor actor)
      : context_(context), actor_(std::move(actor)) {}

  // Takes one file. A file that is refused counts as a problem of the answer; an error ends the
  // import, and what was stored before stays.
  Status Add(const v1::ImportFilesRequest& request);
  // Stores the rest and the audit line.
  Result<v1::ImportFilesResponse> Finish();

 private:
  struct Pending {
    core::ImportRow row;
    std::string text;
    core::ModelRow facts;  // what the file says about its model
    bool is_new = true;
  };
  Status Take(const std::string& path, const std::string& text);
  Result<Pending> Parse(const std::string& path, const std::string& text) const;
  Status Store();
  void Refuse(const std::string& path, const Status& why);

  const ServiceContext& context_;
  const core::Actor actor_;
  std::optional<board::FileKind> kind_;
  std::vector<Pending> pending_;
  size_t pending_bytes_ = 0;
  int64_t files_ = 0;
  v1::ImportFilesResponse answer_;
};

}  // namespace koeval::service
