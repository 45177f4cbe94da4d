// Many seeds of the simulator, and proof that it finds bugs that are planted.
#include "tests/sim/sim.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <optional>

namespace koeval::sim {
namespace {

constexpr uint64_t kSeeds = 1'000;
constexpr uint64_t kNightlySeeds = 100'000;

// The first of the default seeds at which the simulator notices; nothing when it never does.
std::optional<uint64_t> SeedThatFinds(SimOptions options) {
  for (options.seed = 1; options.seed <= kSeeds; ++options.seed) {
    const SimReport report = RunSimulation(options);
    if (report.violation.empty()) continue;
    std::printf("seed %llu: %s\n", static_cast<unsigned long long>(options.seed),
                report.violation.substr(0, 300).c_str());
    return options.seed;
  }
  return std::nullopt;
}

TEST(Simulation, KeepsEveryPromiseOnEverySeed) {
  const uint64_t seeds = std::getenv("KOEVAL_NIGHTLY") != nullptr ? kNightlySeeds : kSeeds;
  SimReport total;
  for (uint64_t seed = 1; seed <= seeds; ++seed) {
    SimOptions options;
    options.seed = seed;
    const SimReport report = RunSimulation(options);
    Add(total, report);
    ASSERT_EQ(report.violation, "") << "replay: tests/koeval-sim --seed " << seed << " --verbose";
  }
  std::printf("%llu seeds: %s", static_cast<unsigned long long>(seeds), Describe(total).c_str());
  for (const std::string& pair : total.coverage.Missing()) {
    ADD_FAILURE() << "no seed met " << pair;
  }
  for (const char* kind : {"answer of the checks late",
                           "answer of the checks lost",
                           "answer of the scores late",
                           "answer of the scores lost",
                           "client: cancel",
                           "client: retry",
                           "client: submit of a known id",
                           "client: submit of a taken id",
                           "hub away during checks",
                           "link broken",
                           "message delayed",
                           "message doubled",
                           "message dropped",
                           "message reordered",
                           "plan differs",
                           "reply lost",
                           "result sent again",
                           "revoke ignored by a zombie",
                           "runner: DISK_FULL",
                           "runner: HANDED_BACK",
                           "runner: INTERNAL",
                           "runner: NO_PROGRESS",
                           "runner: NUMERICAL_FAULT",
                           "runner: OUT_OF_MEMORY",
                           "runner: RUNNER_CRASHED",
                           "runners of another build",
                           "scheduler killed between turns",
                           "scheduler killed while it told",
                           "scheduler killed, commit landed",
                           "scheduler killed, commit lost",
                           "scheduler stalled",
                           "score failed",
                           "worker crashed",
                           "worker fenced itself",
                           "worker hung",
                           "worker stopped in order"}) {
    EXPECT_GT(total.faults[kind], 0) << kind << " was never injected";
  }
  for (const char* ending : {"FINISHED", "CANCELLED", "NO_SAFETENSORS", "BAD_CHECKPOINT",
                             "RUNNER_CRASHED", "TIMED_OUT", "INFEASIBLE", "HUB_UNAVAILABLE"}) {
    EXPECT_GT(total.endings[ending], 0) << "no request ended as " << ending;
  }
  EXPECT_EQ(total.endings["(none)"], 0);
}

TEST(Simulation, SameSeedGivesTheSameRun) {
  SimOptions options;
  options.seed = 77;
  EXPECT_EQ(Describe(RunSimulation(options)), Describe(RunSimulation(options)));
}

TEST(Simulation, FindsAMissingFence) {
  SimOptions options;
  options.mutants.accept_ended_leases = true;
  EXPECT_TRUE(SeedThatFinds(options).has_value());
}

TEST(Simulation, FindsAnAcknowledgementBeforeTheCommit) {
  SimOptions options;
  options.acknowledge_early = true;
  EXPECT_TRUE(SeedThatFinds(options).has_value());
}

TEST(Simulation, FindsALostRequeue) {
  SimOptions options;
  options.mutants.lose_requeue = true;
  EXPECT_TRUE(SeedThatFinds(options).has_value());
}

}  // namespace
}  // namespace koeval::sim
