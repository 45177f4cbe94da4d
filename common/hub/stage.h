// A repository laid out as a folder that koeval-check can look at, without its weights.
//
// DESIGN
//   Two processes share the work, so that no process has both a secret and a stranger's file in its
//   parsers. The parent (the daemon's check pool, or the command line) has the hub's token and
//   the network. It moves bytes: whole small files, and of each safetensors file the part that its
//   first eight bytes announce as header, by range. It reads none of them but for that length.
//   The child (koeval-check) has no token, no network address and no environment, and parses.
//   In between lies a folder that looks like the repository: small files are whole; a safetensors
//   file is its header and then a hole up to the file's size; every other file is a hole of its
//   size. So the child runs the same code on it as on a local directory, sizes and names are those
//   of the repository, and a model of 140 GB takes some megabytes of disk and of traffic.
//   Everything is bounded: bytes of one file, bytes in all, number of files. What is over its bound
//   is a finding, not an error.
#pragma once

#include <cstdint>
#include <string>

#include "common/base/endings.h"
#include "common/base/status.h"
#include "common/hub/report.h"
#include "common/hub/repository.h"

namespace koeval::hub {

struct StageLimits {
  int64_t file_bytes = int64_t{128} << 20;   // of one file that is fetched whole
  int64_t total_bytes = int64_t{512} << 20;  // of everything that is fetched
  int64_t hole_bytes = int64_t{4} << 40;     // size of one file that is a hole
  int64_t files = 10'000;                    // of the folder
  int threads = 4;                           // requests at once
};

// Fills `dir`, an empty folder that only this user can enter. The report has the step "repository"
// and, as facts, what the hub says: commit, likes, gated, last_modified, repository_bytes, and
// content (ContentIdentity). Errors: of the repository's calls; UNAVAILABLE or RESOURCE_EXHAUSTED
// when the folder cannot be written.
Result<CheckReport> StageRepository(const Repository& repository, const std::string& dir,
                                    const StageLimits& limits = {});

// A digest of all files that decide what an evaluation computes: configuration, tokenizer, chat
// templates and safetensors, by name, size and digest. "" when a digest is not known, as of a
// plain directory. Two repositories with the same one give the same scores.
std::string ContentIdentity(const RepositoryInfo& info);

// What a failed attempt to open a repository means: as EndingOf, with REVISION_NOT_FOUND told
// apart.
Ending EndingOfOpen(const Status& status);

// The report of a repository that could not be opened: the status as a finding of the step
// "repository", with its ending.
CheckReport OpenFailed(const std::string& id, const std::string& revision, const Status& status);

}  // namespace koeval::hub
