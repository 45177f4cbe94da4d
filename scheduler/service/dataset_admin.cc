// Adding, listing and removing registered datasets.
#include "scheduler/service/dataset_admin.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include "common/base/log.h"
#include "scheduler/service/limits.h"

namespace koeval::service {
namespace {

// Names of the suites of `now` that are available, and were not in `before`.
std::vector<std::string> Opened(const std::vector<LoadedSuite>& before,
                                const std::vector<LoadedSuite>& now) {
  std::set<std::string> closed;
  for (const LoadedSuite& suite : before) {
    if (!suite.unavailable.empty()) closed.insert(suite.suite.name);
  }
  std::vector<std::string> out;
  for (const LoadedSuite& suite : now) {
    if (suite.unavailable.empty() && closed.contains(suite.suite.name)) {
      out.push_back(suite.suite.name);
    }
  }
  return out;
}

bool HasDigest(const DatasetRecords& records, const std::string& digest) {
  return std::any_of(records.begin(), records.end(), [&digest](const DatasetRecord& record) {
    return record.origin.digest == digest;
  });
}

// The newest record of `name`, or the end.
DatasetRecords::iterator CurrentOf(DatasetRecords& records, const std::string& name) {
  const auto found = std::find_if(records.rbegin(), records.rend(), [&name](const auto& record) {
    return record.origin.name == name;
  });
  return found == records.rend() ? records.end() : std::prev(found.base());
}

}  // namespace

void NoteBundles(const std::vector<LoadedSuite>& suites, DatasetRecords* records) {
  for (const LoadedSuite& suite : suites) {
    for (const evaluation::DatasetOrigin& origin : suite.datasets) {
      for (DatasetRecord& record : *records) {
        if (record.origin.digest != origin.digest) continue;
        auto& known = record.bundles;
        if (std::find(known.begin(), known.end(), suite.bundle_digest) == known.end()) {
          known.push_back(suite.bundle_digest);
        }
      }
    }
  }
}

DatasetAdmin::DatasetAdmin(DatasetStore& store, SuiteCatalogue& catalogue, Dispatcher& dispatcher,
                           ReaderPool& readers, std::string datasets_dir, const Clock& clock)
    : store_(store),
      catalogue_(catalogue),
      dispatcher_(dispatcher),
      readers_(readers),
      datasets_dir_(std::move(datasets_dir)),
      clock_(clock) {}

evaluation::DatasetSources DatasetAdmin::SourcesOf(const DatasetRecords& records) const {
  evaluation::DatasetSources sources(datasets_dir_);
  sources.registered = store_.Lookup(records);
  return sources;
}

Result<std::unique_ptr<SuiteGeneration>> DatasetAdmin::LoadWith(const std::string& changed,
                                                                DatasetRecords* records) const {
  ASSIGN_OR_RETURN(auto generation, catalogue_.Prepare(SourcesOf(*records), changed));
  NoteBundles(generation->suites, records);
  return generation;
}

Result<DatasetAdded> DatasetAdmin::Add(const core::Actor& actor, const std::string& name,
                                       bool is_public, const std::string& incoming) {
  RETURN_IF_ERROR(ValidateDatasetName(name));
  ASSIGN_OR_RETURN(DatasetRecord record, DatasetStore::Inspect(incoming));
  const std::string digest = record.origin.digest;
  record.origin.name = name;
  record.is_public = is_public;
  record.added_by = actor.who;
  record.added_at = clock_.Wall();

  MutexLock lock(mutex_);
  DatasetRecords records = store_.All();
  const bool rows_known = HasDigest(records, digest);
  const auto current = CurrentOf(records, name);
  const bool same_rows = current != records.end() && current->origin.digest == digest;
  if (same_rows && current->is_public == is_public) return DatasetAdded{*current, true, {}};
  if (same_rows) {
    current->is_public = is_public;
  } else if (records.size() >= kDatasetsMax) {
    return ResourceExhausted(fmt::format(
        "there are {} versions of datasets already; remove those that are no more needed",
        kDatasetsMax));
  } else {
    records.push_back(record);
  }
  RETURN_IF_ERROR(store_.Keep(incoming, digest));
  auto generation = LoadWith(name, &records);
  if (!generation.ok()) {
    if (!rows_known) store_.Drop(digest);
    return generation.status();
  }
  DatasetAdded out{*CurrentOf(records, name), false,
                   Opened(catalogue_.all(), (*generation)->suites)};
  RETURN_IF_ERROR(store_.Save(std::move(records)));
  RETURN_IF_ERROR(catalogue_.Publish(std::move(*generation)));
  RETURN_IF_ERROR(WriteAudit(actor, "dataset-add", name,
                             fmt::format("{} {}", digest, is_public ? "public" : "private")));
  spdlog::info("dataset {} {} ({}) added by {}; suites that it opened: {}", name, digest,
               is_public ? "public" : "private", LogSafe(actor.who),
               LogSafe(fmt::format("{}", fmt::join(out.suites_opened, ", "))));
  return out;
}

Result<DatasetRemoved> DatasetAdmin::Remove(const core::Actor& actor, const std::string& name,
                                            const std::string& digest) {
  MutexLock lock(mutex_);
  DatasetRecords kept, removed;
  for (DatasetRecord& record : store_.All()) {
    const bool meant =
        record.origin.name == name && (digest.empty() || record.origin.digest == digest);
    (meant ? removed : kept).push_back(std::move(record));
  }
  if (removed.empty()) {
    return NotFound(fmt::format("there is no dataset \"{}\"{}; `koeval datasets list` names them",
                                name, digest.empty() ? "" : " with digest " + digest));
  }
  // What was posted before is on disk once the dispatcher answers.
  RETURN_IF_ERROR(dispatcher_.Ask([](const core::Core&, core::Now) {}));
  for (const DatasetRecord& record : removed) {
    ASSIGN_OR_RETURN(const int64_t requests, RequestsOf(record));
    if (requests == 0) continue;
    return FailedPrecondition(fmt::format(
        "dataset \"{}\" with digest {} cannot be removed: {} stored requests were submitted with "
        "it",
        name, record.origin.digest, requests));
  }
  ASSIGN_OR_RETURN(auto generation, LoadWith(name, &kept));
  DatasetRemoved out{static_cast<int64_t>(removed.size()),
                     Opened(generation->suites, catalogue_.all())};
  std::set<std::string> needed;
  for (const LoadedSuite& suite : generation->suites) needed.insert(suite.bundle_digest);
  RETURN_IF_ERROR(store_.Save(kept));
  RETURN_IF_ERROR(catalogue_.Publish(std::move(generation)));
  for (const DatasetRecord& record : removed) {
    for (const std::string& bundle : record.bundles) {
      if (!needed.contains(bundle)) catalogue_.DropBundle(bundle);
    }
    if (!HasDigest(kept, record.origin.digest)) store_.Drop(record.origin.digest);
    RETURN_IF_ERROR(WriteAudit(actor, "dataset-remove", name, record.origin.digest));
    spdlog::info("dataset {} {} removed by {}", name, record.origin.digest, LogSafe(actor.who));
  }
  return out;
}

Result<std::vector<DatasetListing>> DatasetAdmin::List() {
  DatasetRecords records = store_.All();
  std::vector<DatasetListing> out;
  for (auto record = records.rbegin(); record != records.rend(); ++record) {
    ASSIGN_OR_RETURN(const int64_t requests, RequestsOf(*record));
    const bool is_current = std::none_of(
        records.rbegin(), record,
        [&record](const DatasetRecord& newer) { return newer.origin.name == record->origin.name; });
    out.push_back({*record, is_current, requests});
  }
  std::stable_sort(out.begin(), out.end(), [](const DatasetListing& a, const DatasetListing& b) {
    return a.record.origin.name < b.record.origin.name;
  });
  return out;
}

Result<int64_t> DatasetAdmin::RequestsOf(const DatasetRecord& record) {
  ASSIGN_OR_RETURN(const auto reader, readers_.Borrow());
  int64_t requests = 0;
  for (const std::string& bundle : record.bundles) {
    ASSIGN_OR_RETURN(const int64_t count, reader->CountRequestsOf(bundle));
    requests += count;
  }
  return requests;
}

Status DatasetAdmin::WriteAudit(const core::Actor& actor, const std::string& action,
                                const std::string& target, const std::string& detail) {
  const std::array<core::Mutation, 1> audit = {
      core::AuditRow{clock_.Wall(), actor.who, actor.role, action, target, detail}};
  return dispatcher_.AskStore([&audit](store::JobStore& store) { return store.Commit(audit); });
}

}  // namespace koeval::service
