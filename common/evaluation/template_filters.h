// Filters that template_filters.cc lists and other files define.
#pragma once

#include <cstdint>
#include <string_view>

#include "common/base/status.h"
#include "common/evaluation/template_call.h"

namespace koeval::evaluation {

// Applies one filter to `value`. For chat templates `value` is defined unless the list of filters
// says otherwise.
using Filter = Result<Value> (*)(const Value& value, const CallArguments& given);

// Over items: template_sequence_filters.cc.
Result<Value> Batch(const Value& value, const CallArguments& given);
Result<Value> DictItems(const Value& value, const CallArguments& given);
Result<Value> DictSort(const Value& value, const CallArguments& given);
Result<Value> First(const Value& value, const CallArguments& given);
Result<Value> JoinItems(const Value& value, const CallArguments& given);
Result<Value> Last(const Value& value, const CallArguments& given);
Result<Value> LengthOf(const Value& value, const CallArguments& given);
Result<Value> Map(const Value& value, const CallArguments& given);
Result<Value> Max(const Value& value, const CallArguments& given);
Result<Value> Min(const Value& value, const CallArguments& given);
Result<Value> Reject(const Value& value, const CallArguments& given);
Result<Value> RejectAttr(const Value& value, const CallArguments& given);
Result<Value> Reverse(const Value& value, const CallArguments& given);
Result<Value> Select(const Value& value, const CallArguments& given);
Result<Value> SelectAttr(const Value& value, const CallArguments& given);
Result<Value> Sort(const Value& value, const CallArguments& given);
Result<Value> Sum(const Value& value, const CallArguments& given);
Result<Value> ToList(const Value& value, const CallArguments& given);
Result<Value> Unique(const Value& value, const CallArguments& given);

// tojson as transformers defines it: template_json.cc.
Result<Value> ChatJson(const Value& value, const CallArguments& given);

// The whole text, without blanks around it, as a whole number.
bool ReadInt(std::string_view text, int base, int64_t& out);

}  // namespace koeval::evaluation
