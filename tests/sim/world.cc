// The queue of the simulated world.
#include "tests/sim/world.h"

namespace koeval::sim {

uint64_t HashText(const std::string& text) {
  uint64_t hash = 0xcbf29ce484222325ULL;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  return Rng(hash).Next();
}

bool World::Step() {
  if (queue_.empty() || !violation.empty()) return false;
  Item item = queue_.top();
  queue_.pop();
  now_ms = item.at_ms;
  item.what();
  return violation.empty();
}

void World::Violation(const std::string& what) {
  if (violation.empty()) violation = "after " + std::to_string(now_ms) + " ms: " + what;
}

}  // namespace koeval::sim
