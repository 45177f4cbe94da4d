// One row of every kind in every state that matters.
#include "tests/scheduler/store/fixture_rows.h"

#include "tests/scheduler/store/rows.h"

namespace koeval::store {

std::vector<core::Mutation> FixtureRows() {
  std::mt19937_64 random(1);  // its numbers are fixed by the standard
  std::vector<core::Mutation> out;
  for (int64_t number = 1; number <= 4; ++number) {
    core::RequestRow row = MakeRequest(number, random);
    row.state = static_cast<core::RequestState>(number - 1);
    row.phase = row.state == core::RequestState::kPending   ? core::Phase::kQueued
                : row.state == core::RequestState::kRunning ? core::Phase::kBatches
                                                            : core::Phase::kDone;
    out.emplace_back(row);
    core::AttemptRow attempt = MakeAttempt(row.id, row.round, row.attempt);
    if (row.state == core::RequestState::kRunning) {
      attempt.ending = "";
      out.emplace_back(MakeLease(7, row.id));
    }
    out.emplace_back(attempt);
    out.emplace_back(MakeBatch(row.id, row.round, 0));
    out.emplace_back(MakeBatch(row.id, row.round, 1));
    if (row.state == core::RequestState::kFinished) {
      out.emplace_back(MakeScore(row.id, row.round, 0.53125));
    }
    out.emplace_back(MakeEvent(number, row.id));
    out.emplace_back(MakeAudit(row.id.text));
  }
  out.emplace_back(core::MetaRow{"next_lease", "8"});
  out.emplace_back(core::MetaRow{"drained:node-1", "the fan is loud"});
  return out;
}

}  // namespace koeval::store
