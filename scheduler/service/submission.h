// What a submission must fulfil before it may enter the queue.
#pragma once

#include <string>

#include "common/base/status.h"
#include "scheduler/core/records.h"
#include "scheduler/service/config.h"
#include "scheduler/service/model_hub.h"
#include "scheduler/service/suites.h"

namespace koeval::service {

// A text of a client: at most `bytes_max` bytes of UTF-8 without control characters.
// INVALID_ARGUMENT names `field`.
Status CheckText(const char* field, const std::string& text, size_t bytes_max);
// org/name or an absolute directory; whether it may be submitted is another question.
Status ValidateModelName(const std::string& model);

// 1..64 of [A-Za-z0-9._-]; INVALID_ARGUMENT otherwise.
Status ValidateRequestId(const std::string& id);

// Fills in defaults and the suite's digest and version. INVALID_ARGUMENT names the field;
// NOT_FOUND: no such suite; FAILED_PRECONDITION: local directories are not allowed (here). May look
// at the file system to resolve the links of a local path.
Result<core::RequestSpec> CompleteSpec(core::RequestSpec spec, const ServiceConfig& config,
                                       const SuiteCatalogue& catalogue);

// Whether the model is looked for on the hub: org/name that is no folder below models_dir.
bool IsHubModel(const core::RequestSpec& spec, const ServiceConfig& config);

// Pins `spec->revision` to the commit that it is on the hub now, and gives the identity of the
// request: the digest of the repository's files and of all that `spec` decides; "" where the hub
// does not state the files' digests. Blocks. NOT_FOUND: no such model or revision;
// FAILED_PRECONDITION: gated, and the scheduler's token does not open it; UNAVAILABLE: the hub does
// not answer.
Result<std::string> PinToCommit(ModelHub& hub, core::RequestSpec* spec);

}  // namespace koeval::service
