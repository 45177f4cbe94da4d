// Changes of the registered datasets: rows, suites that use them, and who may still need them.
#pragma once

#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/base/mutex.h"
#include "common/base/status.h"
#include "scheduler/core/events.h"
#include "scheduler/service/dataset_store.h"
#include "scheduler/service/dispatcher.h"
#include "scheduler/service/reader_pool.h"
#include "scheduler/service/suites.h"

namespace koeval::service {

struct DatasetAdded {
  DatasetRecord record;
  bool already_known = false;
  std::vector<std::string> suites_opened;  // that had waited for it and are available now
};
struct DatasetRemoved {
  int64_t versions = 0;
  std::vector<std::string> suites_closed;  // that are unavailable now
};
struct DatasetListing {
  DatasetRecord record;
  bool is_current = false;
  int64_t requests = 0;  // stored requests that were submitted with it
};

// Thread-safe; one change at a time. Every call blocks and belongs on a pool's thread.
class DatasetAdmin {
 public:
  DatasetAdmin(DatasetStore& store, SuiteCatalogue& catalogue, Dispatcher& dispatcher,
               ReaderPool& readers, std::string datasets_dir, const Clock& clock);

  // Registers what lies in `incoming` (DatasetStore::MakeIncoming) and loads the suites that
  // look for its name, or wait for rows, with it.
  // When a suite cannot be loaded the dataset is not kept: that error, which names file and row.
  Result<DatasetAdded> Add(const core::Actor& actor, const std::string& name, bool is_public,
                           const std::string& incoming) EXCLUDES(mutex_);
  // Removes every version of `name`, or the one with `digest`, with the bundles that were made of
  // it. NOT_FOUND. FAILED_PRECONDITION names a version that stored requests were submitted with.
  Result<DatasetRemoved> Remove(const core::Actor& actor, const std::string& name,
                                const std::string& digest) EXCLUDES(mutex_);
  // By name, newest version first.
  Result<std::vector<DatasetListing>> List();

 private:
  evaluation::DatasetSources SourcesOf(const DatasetRecords& records) const;
  // The suites with `records`, which differ in those of the name `changed`, and the bundles noted
  // in them.
  Result<std::unique_ptr<SuiteGeneration>> LoadWith(const std::string& changed,
                                                    DatasetRecords* records) const;
  Result<int64_t> RequestsOf(const DatasetRecord& record);
  Status WriteAudit(const core::Actor& actor, const std::string& action, const std::string& target,
                    const std::string& detail);

  DatasetStore& store_;
  SuiteCatalogue& catalogue_;
  Dispatcher& dispatcher_;
  ReaderPool& readers_;
  const std::string datasets_dir_;
  const Clock& clock_;
  Mutex mutex_;
};

// Adds to `records` the bundles that `suites` were made into.
void NoteBundles(const std::vector<LoadedSuite>& suites, DatasetRecords* records);

}  // namespace koeval::service
