// The rows of the stored fixture databases. Never changed, so that old files stay comparable.
#pragma once

#include <vector>

#include "scheduler/core/records.h"

namespace koeval::store {

std::vector<core::Mutation> FixtureRows();

}  // namespace koeval::store
