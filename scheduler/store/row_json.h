// Rows as JSON text and back: unknown fields are ignored, absent ones take their default, so that
// rows of older and newer versions can be read.
#pragma once

#include <string>

#include "common/base/status.h"
#include "scheduler/core/records.h"

namespace koeval::store {

std::string EncodeRequest(const core::RequestRow& row);
Result<core::RequestRow> DecodeRequest(const std::string& text);
std::string EncodeAttempt(const core::AttemptRow& row);
Result<core::AttemptRow> DecodeAttempt(const std::string& text);
std::string EncodeLease(const core::LeaseRow& row);
Result<core::LeaseRow> DecodeLease(const std::string& text);

}  // namespace koeval::store
