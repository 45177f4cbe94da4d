// A cache that this process cannot write, such as a shared mount: its snapshots are used as they
// are, without locks, links or time stamps of ours.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "common/base/cancel.h"
#include "common/base/file_lock.h"
#include "common/base/status.h"
#include "common/hub/cache_layout.h"
#include "common/hub/file_state.h"
#include "common/hub/repository.h"

namespace koeval::hub {

// Whether what a user of repository `name` ("models--ORG--NAME") writes into the cache could be
// written by this process.
bool IsWritable(const CacheLayout& layout, const std::string& name);

// The lock of use of `name`, shared, where its file is there and can be read: a process that can
// write the cache removes nothing meanwhile. nullptr where there is none.
Result<std::unique_ptr<FileLock>> TakeUseIfThere(const CacheLayout& layout, const std::string& name,
                                                 const Cancel& cancel);

// The files `paths` of `info` lie whole in the snapshot's folder `dir`. Their bytes are read once
// by a process, or never where a mark of the cache says that they were. FAILED_PRECONDITION, naming
// the file, the cache and the remedy, for one that is missing or damaged; CANCELLED.
Status CheckSnapshot(const CacheLayout& layout, const std::string& name, const std::string& dir,
                     const RepositoryInfo& info, const std::vector<std::string>& paths,
                     VerifiedFiles& verified, const Cancel& cancel);

}  // namespace koeval::hub
