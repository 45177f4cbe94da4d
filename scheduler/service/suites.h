// The suites that this scheduler evaluates, and the bundles of tasks that workers fetch.
//
// A bundle is the JSON text {"tasks":[...]} of a suite's tasks with their rows, named by its
// SHA-256. It is written below <state_dir>/bundles, and the suite's definition below
// <state_dir>/suites, before the first request can name them, so that a request that was submitted
// before a suite changed is still run and scored as it was submitted.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "common/base/file.h"
#include "common/base/status.h"
#include "common/evaluation/suite.h"
#include "common/evaluation/task.h"
#include "scheduler/core/records.h"

namespace koeval::service {

struct LoadedSuite {
  evaluation::Suite suite;
  std::string bundle_digest;
  int64_t documents = 0;
  // Why nothing can be submitted to it: rows that are not there. "" = available.
  std::string unavailable;
};

// Immutable after Load: any thread.
class SuiteCatalogue {
 public:
  // Loads every suite of `suites_dir` with its tasks and writes what is not yet below `state_dir`.
  // A suite whose rows are missing is kept as unavailable. INVALID_ARGUMENT names file and key;
  // NOT_FOUND when there is no suite, or none of the name `default_suite`.
  static Result<std::unique_ptr<SuiteCatalogue>> Load(const std::string& suites_dir,
                                                      const std::string& datasets_dir,
                                                      const std::string& state_dir,
                                                      const std::string& default_suite);

  const std::vector<LoadedSuite>& all() const { return suites_; }
  // nullptr: no such suite. "" is the default suite.
  const LoadedSuite* Find(const std::string& name) const;
  bool IsDefault(const LoadedSuite& suite) const { return suite.suite.name == default_; }
  // "a, b, c", for messages.
  std::string Names() const;

  // The suite as it was when `spec` was submitted. NOT_FOUND when its files are gone.
  Result<evaluation::Suite> SuiteOf(const core::RequestSpec& spec) const;
  // The text of a bundle, also of an earlier version. NOT_FOUND; INVALID_ARGUMENT when `digest` is
  // no digest.
  Result<std::unique_ptr<MappedFile>> OpenBundle(const std::string& digest) const;

 private:
  SuiteCatalogue(std::string state_dir, std::vector<LoadedSuite> suites, std::string default_suite);

  const std::string state_dir_;
  const std::vector<LoadedSuite> suites_;
  const std::string default_;
};

// A suite's definition as JSON and back, without its tasks.
Json SuiteToJson(const evaluation::Suite& suite);
Result<evaluation::Suite> SuiteFromJson(const Json& json);

}  // namespace koeval::service
