// The simulator by hand: sim [--seed N] [--seeds COUNT] [--verbose] [--mutant NAME].
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "tests/sim/sim.h"

namespace {

constexpr const char* kUsage =
    "sim [--seed N] [--seeds COUNT] [--verbose] [--mutant fence|early-ack|lost-requeue]\n"
    "Runs COUNT seeds from N on (1 from 1). Exit status 1 when a promise was broken.\n";

bool Parse(int argc, char** argv, koeval::sim::SimOptions& options, uint64_t& seeds) {
  for (int i = 1; i < argc; ++i) {
    const std::string name = argv[i];
    if (name == "--verbose") {
      options.verbose = true;
      continue;
    }
    if (i + 1 == argc) return false;
    const std::string value = argv[++i];
    if (name == "--seed") {
      options.seed = std::strtoull(value.c_str(), nullptr, 10);
    } else if (name == "--seeds") {
      seeds = std::strtoull(value.c_str(), nullptr, 10);
    } else if (name == "--mutant" && value == "fence") {
      options.mutants.accept_ended_leases = true;
    } else if (name == "--mutant" && value == "lost-requeue") {
      options.mutants.lose_requeue = true;
    } else if (name == "--mutant" && value == "early-ack") {
      options.acknowledge_early = true;
    } else {
      return false;
    }
  }
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  koeval::sim::SimOptions options;
  uint64_t seeds = 1;
  if (!Parse(argc, argv, options, seeds)) {
    std::fputs(kUsage, stderr);
    return 2;
  }
  const uint64_t first = options.seed;
  koeval::sim::SimReport total;
  for (uint64_t i = 0; i < seeds; ++i) {
    options.seed = first + i;
    const koeval::sim::SimReport report = RunSimulation(options);
    Add(total, report);
    if (!report.violation.empty()) {
      std::printf("seed %llu: %s\nreplay: koeval-sim --seed %llu --verbose\n",
                  static_cast<unsigned long long>(options.seed), report.violation.c_str(),
                  static_cast<unsigned long long>(options.seed));
      return 1;
    }
  }
  std::printf("%llu seeds, no promise broken\n%s", static_cast<unsigned long long>(seeds),
              Describe(total).c_str());
  for (const std::string& pair : total.coverage.Missing()) {
    std::printf("not met: %s\n", pair.c_str());
  }
  return 0;
}
