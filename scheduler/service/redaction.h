// What readers may know of the installation: before everyone but operators, names of workers stand
// under aliases, and addresses and paths of files are left out of texts.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "common/base/mutex.h"
#include "common/base/status.h"
#include "koeval/v1/catalogue.pb.h"
#include "koeval/v1/cluster.pb.h"
#include "koeval/v1/queue.pb.h"
#include "koeval/v1/results.pb.h"
#include "scheduler/core/events.h"
#include "scheduler/service/config.h"

namespace koeval::service {

// Thread-safe. Functions named Hide change what `actor` may not see and nothing for an operator.
class Redaction {
 public:
  explicit Redaction(const ServiceConfig& config);

  static bool SeesAll(const core::Actor& actor);

  // What others than operators call a worker: the same for the same name until the scheduler starts
  // anew, and no way back. "" for "". Texts may name the worker from then on.
  std::string Alias(const std::string& worker) EXCLUDES(mutex_);
  // `text` with aliases for workers ("worker NAME", and names that had one before), "…/NAME" for
  // absolute paths, and "[address]" for IP addresses and for URLs of hosts that are no public
  // names.
  std::string Text(std::string_view text) EXCLUDES(mutex_);
  // The same in every string of a JSON document; a text that is no JSON as Text has it.
  std::string JsonText(const std::string& json);

  // Of a folder that somebody else has submitted only the name, as the leaderboard has it.
  void Hide(const core::Actor& actor, v1::Request* request);
  void Hide(const core::Actor& actor, v1::GetRequestResponse* response);
  void Hide(const core::Actor& actor, v1::ListRequestsResponse* response);
  void Hide(const core::Actor& actor, v1::ExplainResponse* response);
  void Hide(const core::Actor& actor, v1::DryRunResponse* response);
  void Hide(const core::Actor& actor, v1::WatchResponse* change);
  void Hide(const core::Actor& actor, v1::ListWorkersResponse* response);
  void Hide(const core::Actor& actor, v1::GetSamplesResponse* sample);
  void Hide(const core::Actor& actor, google::protobuf::RepeatedPtrField<v1::Suite>* suites);
  // Of an error that `actor` is told.
  Status Hidden(const core::Actor& actor, const Status& status);

 private:
  std::string WithoutPaths(std::string_view text) const;
  std::string WithoutWorkers(std::string_view text) EXCLUDES(mutex_);
  std::string AliasOf(const std::string& worker) const;
  bool IsKnown(const std::string& name) EXCLUDES(mutex_);
  void HideTexts(v1::Request* request);
  void HideSlots(google::protobuf::RepeatedPtrField<v1::SlotVerdict>* slots);

  const std::string salt_;
  const std::vector<std::string> roots_;            // folders of the configuration, longest first
  const std::unordered_set<std::string> no_names_;  // words that follow "worker" in sentences
  Mutex mutex_;
  std::unordered_set<std::string> names_ GUARDED_BY(mutex_);  // that have an alias
};

}  // namespace koeval::service
