// Answers about a leaderboard that is still the same.
#include "scheduler/service/web_cache.h"

#include <algorithm>
#include <utility>

#include "scheduler/service/limits.h"
#include "scheduler/service/web_reply.h"

namespace koeval::service {

std::optional<HttpReply> BoardReplies::Find(const std::string& key, const BoardPtr& board) {
  std::shared_ptr<const HttpReply> reply;
  {
    MutexLock lock(mutex_);
    const auto found = std::find_if(kept_.begin(), kept_.end(),
                                    [&key](const Kept& kept) { return kept.key == key; });
    if (found == kept_.end()) return std::nullopt;
    if (found->board != board) {
      Forget(found);
      return std::nullopt;
    }
    kept_.splice(kept_.begin(), kept_, found);
    reply = found->reply;
  }
  return *reply;
}

HttpReply BoardReplies::Keep(const std::string& key, const BoardPtr& board, HttpReply reply) {
  AddTag(&reply);
  Compress(&reply);
  const size_t bytes = reply.body.size() + (reply.gzip ? reply.gzip->size() : 0);
  if (bytes > kWebCacheBytes) return reply;
  auto kept = std::make_shared<const HttpReply>(std::move(reply));
  MutexLock lock(mutex_);
  const auto old = std::find_if(kept_.begin(), kept_.end(),
                                [&key](const Kept& known) { return known.key == key; });
  if (old != kept_.end()) Forget(old);
  kept_.push_front({key, board, kept, bytes});
  bytes_ += bytes;
  while (kept_.size() > kWebCacheEntries || bytes_ > kWebCacheBytes) Forget(std::prev(kept_.end()));
  return *kept;
}

void BoardReplies::Forget(std::list<Kept>::iterator kept) {
  bytes_ -= kept->bytes;
  kept_.erase(kept);
}

}  // namespace koeval::service
