// The part of JSON Schema that our OpenAPI document uses, checked against answers.
#pragma once

#include <string>

#include "common/base/json.h"

namespace koeval::service {

// Why `value` does not fit `schema`, with the path; "" when it fits. Knows $ref into `document`,
// type (one or several), enum, properties, required, additionalProperties and items; a schema with
// any other word than these and description never fits, so that nothing is silently not checked.
std::string WhyNot(const Json& document, const Json& schema, const Json& value,
                   const std::string& path = "$");

}  // namespace koeval::service
