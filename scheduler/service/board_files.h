// The files of one of the leaderboard's datasets, as this scheduler would write it: those of its
// own requests or scores in one suite, and imported ones.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "common/base/status.h"
#include "scheduler/board/board_path.h"
#include "scheduler/board/leaderboard_v1.h"
#include "scheduler/core/records.h"
#include "scheduler/service/config.h"
#include "scheduler/service/dataset_store.h"
#include "scheduler/service/reader_pool.h"

namespace koeval::service {

// Takes out of a result file what not everyone may read.
using Redact = std::function<Result<std::string>(const std::string& results_json)>;
// What readers without another role may not see. The arguments outlive the result.
Redact RedactForReaders(const ServiceConfig& config, const DatasetStore& datasets);

// In a result file, calls a model that is a local directory as everyone may know it.
void UsePublicName(const std::string& model, std::string* results_json);

// One thread at a time. Requests with a sample limit are tries, and have no files.
class BoardFiles {
 public:
  BoardFiles(ReaderPool& readers, board::FileKind kind, std::string suite, Redact redact,
             board::ResultFormat format = board::ResultFormat::kStored)
      : readers_(readers),
        kind_(kind),
        suite_(std::move(suite)),
        redact_(std::move(redact)),
        format_(format) {}

  // Looks at every request and imported file.
  Status Scan();
  // Looks at one request, which is new or has changed. The path of its file; nothing when it has
  // none, or when that of a newer request of the same name stands there.
  Result<std::optional<std::string>> Update(const RequestId& id);

  const std::set<std::string>& paths() const { return paths_; }
  // What the file of a path that is there holds now. Own files take over the fields of an imported
  // file of the same path that are unknown here; imported files are given byte by byte, unless the
  // format of results is another.
  Result<std::string> Text(const std::string& path) const;

 private:
  struct Owner {
    RequestId id;
    int64_t number = 0;
  };
  // The path of the row's file, when it is the one that counts.
  std::optional<std::string> Take(const core::RequestRow& row);
  std::string NameOf(const std::string& model);
  std::string ResultPathOf(const core::RequestRow& row);
  Result<std::string> StoredText(const std::string& path) const;
  Result<std::string> RequestText(store::Reader& reader, const core::RequestRow& row,
                                  const std::string& path) const;
  Result<std::string> ResultText(store::Reader& reader, const core::RequestRow& row) const;

  ReaderPool& readers_;
  const board::FileKind kind_;
  const std::string suite_;
  const Redact redact_;
  const board::ResultFormat format_;
  std::set<std::string> paths_;
  std::map<std::string, Owner> own_;           // by path
  std::map<std::string, std::string> models_;  // public name of local directories -> directory
};

}  // namespace koeval::service
