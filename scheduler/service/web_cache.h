// Answers about a leaderboard that is still the same: made, hashed and compressed once.
#pragma once

#include <list>
#include <memory>
#include <optional>
#include <string>

#include "common/base/mutex.h"
#include "scheduler/service/http_server.h"
#include "scheduler/web/board.h"

namespace koeval::service {

// Thread-safe. Holds kWebCacheEntries answers of kWebCacheBytes in all at most; the least recently
// used go first.
class BoardReplies {
 public:
  using BoardPtr = std::shared_ptr<const web::Board>;

  // The answer that was kept as `key` for this very board.
  std::optional<HttpReply> Find(const std::string& key, const BoardPtr& board) EXCLUDES(mutex_);
  // Tags and compresses `reply`, and keeps it unless it is too large.
  HttpReply Keep(const std::string& key, const BoardPtr& board, HttpReply reply) EXCLUDES(mutex_);

 private:
  struct Kept {
    std::string key;
    BoardPtr board;  // keeps its address from being another board's
    std::shared_ptr<const HttpReply> reply;
    size_t bytes = 0;
  };
  void Forget(std::list<Kept>::iterator kept) REQUIRES(mutex_);

  Mutex mutex_;
  std::list<Kept> kept_ GUARDED_BY(mutex_);  // most recently used first
  size_t bytes_ GUARDED_BY(mutex_) = 0;
};

}  // namespace koeval::service
