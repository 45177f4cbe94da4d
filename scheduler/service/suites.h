// The suites that this scheduler evaluates, and the bundles of tasks that workers fetch.
//
// A bundle is the JSON text {"tasks":[...]} of a suite's tasks with their rows, and "logits_dtype"
// where the suite sets it, named by its SHA-256. It is written below <state_dir>/bundles, and the
// suite's definition below <state_dir>/suites, before the first request can name them, so that a
// request that was submitted before a suite changed is still run and scored as it was submitted.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "common/base/file.h"
#include "common/base/mutex.h"
#include "common/base/status.h"
#include "common/evaluation/suite.h"
#include "common/evaluation/task.h"
#include "scheduler/core/records.h"

namespace koeval::service {

// What the tasks of a suite generate at most.
struct GenerationNeed {
  int64_t new_tokens = 0;  // behind one prompt; 0: no task generates
  int64_t documents = 0;   // of one task
};

struct LoadedSuite {
  evaluation::Suite suite;
  std::string bundle_digest;
  int64_t documents = 0;
  GenerationNeed generation = {};
  // Why nothing can be submitted to it: rows that are not there. "" = available.
  std::string unavailable;
  std::vector<evaluation::DatasetOrigin> datasets = {};  // registered ones that its rows are of
  // Names that were looked for among the registered datasets; not all of them while unavailable.
  std::set<std::string> dataset_names = {};
};

// The suites as they were loaded at one time.
struct SuiteGeneration {
  std::vector<LoadedSuite> suites;
  std::string default_suite;
};

// Any thread. What all() and Find() return stays valid as long as the catalogue, also when newer
// suites take its place: a generation is small, and there are at most kSuiteGenerationsMax.
class SuiteCatalogue {
 public:
  // Loads every suite of `suites_dir` with its tasks and writes what is not yet below `state_dir`.
  // A suite whose rows are missing is kept as unavailable. INVALID_ARGUMENT names file and key;
  // NOT_FOUND when there is no suite, or none of the name `default_suite`.
  static Result<std::unique_ptr<SuiteCatalogue>> Load(const std::string& suites_dir,
                                                      const evaluation::DatasetSources& datasets,
                                                      const std::string& state_dir,
                                                      const std::string& default_suite);

  // Loads the suites again, with datasets of which the registered ones of the name `changed` are
  // others; Publish puts them in the place of the current ones. A suite that is available, is
  // defined as before and has no task over that name stays as it is loaded. Bundles are on disk
  // when it returns; after an error none that was new. Errors as Load.
  Result<std::unique_ptr<SuiteGeneration>> Prepare(const evaluation::DatasetSources& datasets,
                                                   const std::string& changed) const;
  // RESOURCE_EXHAUSTED over kSuiteGenerationsMax: the scheduler must be restarted.
  Status Publish(std::unique_ptr<const SuiteGeneration> generation) EXCLUDES(mutex_);

  const std::vector<LoadedSuite>& all() const { return current_.load()->suites; }
  // nullptr: no such suite. "" is the default suite.
  const LoadedSuite* Find(const std::string& name) const;
  bool IsDefault(const LoadedSuite& suite) const {
    return suite.suite.name == current_.load()->default_suite;
  }
  // What a request generates, by the current form of its suite; nothing when that is gone.
  GenerationNeed GenerationOf(const core::RequestSpec& spec) const;
  // "a, b, c", for messages.
  std::string Names() const;

  // The suite as it was when `spec` was submitted. NOT_FOUND when its files are gone.
  Result<evaluation::Suite> SuiteOf(const core::RequestSpec& spec) const;
  // The text of a bundle, also of an earlier version. NOT_FOUND; INVALID_ARGUMENT when `digest` is
  // no digest.
  Result<std::unique_ptr<MappedFile>> OpenBundle(const std::string& digest) const;
  // Removes a bundle that no request names, if it is there.
  void DropBundle(const std::string& digest) const;

 private:
  Result<std::unique_ptr<SuiteGeneration>> LoadGeneration(
      const evaluation::DatasetSources& datasets, const std::vector<LoadedSuite>& kept) const;
  SuiteCatalogue(std::string suites_dir, std::string state_dir, std::string default_suite);

  const std::string suites_dir_, state_dir_, default_wanted_;
  std::atomic<const SuiteGeneration*> current_ = nullptr;
  Mutex mutex_;
  std::vector<std::unique_ptr<const SuiteGeneration>> generations_ GUARDED_BY(mutex_);
};

// A suite's definition as JSON and back, without its tasks.
Json SuiteToJson(const evaluation::Suite& suite);
Result<evaluation::Suite> SuiteFromJson(const Json& json);

}  // namespace koeval::service
