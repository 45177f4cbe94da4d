// range(), loop and strftime_now().
#include "common/evaluation/template_functions.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <ctime>

namespace koeval::evaluation {
namespace {

constexpr int64_t kRangeMax = 100'000;
constexpr size_t kTimeFormatMax = 256;
constexpr size_t kTimeTextMax = 1024;

constexpr std::array<const char*, 11> kLoopMembers = {"index",  "index0",   "revindex", "revindex0",
                                                      "first",  "last",     "length",   "depth",
                                                      "depth0", "previtem", "nextitem"};

constexpr std::array<std::string_view, 5> kFunctions = {"dict", "namespace", "raise_exception",
                                                        "range", "strftime_now"};

}  // namespace

bool IsFunctionName(std::string_view name) {
  return std::find(kFunctions.begin(), kFunctions.end(), name) != kFunctions.end();
}

Result<Value> Range(const CallArguments& arguments) {
  ASSIGN_OR_RETURN(const ValueList args, arguments.Bind("range", {"start", "stop", "step"}, 1));
  ASSIGN_OR_RETURN(const int64_t first, IntArgument("range", args[0], 0));
  const bool one = args[1].is_undefined();
  ASSIGN_OR_RETURN(const int64_t stop, IntArgument("range", args[1], first));
  ASSIGN_OR_RETURN(const int64_t step, IntArgument("range", args[2], 1));
  if (step == 0) return InvalidArgument("range() with step 0");
  ValueList items;
  int64_t i = one ? 0 : first;
  while (step > 0 ? i < stop : i > stop) {
    if (static_cast<int64_t>(items.size()) >= kRangeMax) {
      return InvalidArgument(fmt::format("range() over {} items", kRangeMax));
    }
    items.emplace_back(i);
    if (__builtin_add_overflow(i, step, &i)) break;
  }
  return Value::List(std::move(items));
}

Value LoopMember(const LoopState& loop, const std::string& name) {
  const auto index = static_cast<int64_t>(loop.at);
  const auto size = static_cast<int64_t>(loop.items->size());
  if (name == "index") return Value(index + 1);
  if (name == "index0") return Value(index);
  if (name == "revindex") return Value(size - index);
  if (name == "revindex0") return Value(size - index - 1);
  if (name == "first") return Value(index == 0);
  if (name == "last") return Value(index + 1 == size);
  if (name == "length") return Value(size);
  if (name == "depth") return Value(loop.depth0 + 1);
  if (name == "depth0") return Value(loop.depth0);
  if (name == "previtem" && index > 0) return (*loop.items)[loop.at - 1];
  if (name == "nextitem" && index + 1 < size) return (*loop.items)[loop.at + 1];
  return Value::Missing(fmt::format("the loop has no '{}' here", name));
}

Value LoopValue(const LoopState& loop) {
  ValueDict members;
  for (const char* name : kLoopMembers) {
    Value value = LoopMember(loop, name);
    if (!value.is_undefined()) members.emplace_back(Value(std::string(name)), std::move(value));
  }
  return Value::Dict(std::move(members));
}

Result<Value> FormatTime(const std::string& format, int64_t seconds) {
  if (format.size() > kTimeFormatMax) {
    return InvalidArgument(fmt::format("strftime_now(): a format over {} bytes", kTimeFormatMax));
  }
  if (format.empty()) return Value(std::string());
  const std::time_t moment = seconds;
  std::tm parts{};
  if (::gmtime_r(&moment, &parts) == nullptr) {
    return InvalidArgument("strftime_now(): a moment outside of the calendar");
  }
  std::string text(kTimeTextMax, '\0');
  // The mark keeps an empty result apart from one that is too long.
  const size_t size = std::strftime(text.data(), text.size(), (format + "|").c_str(), &parts);
  if (size == 0) {
    return InvalidArgument(fmt::format("strftime_now(): a text over {} bytes", kTimeTextMax));
  }
  text.resize(size - 1);
  return Value(std::move(text));
}

}  // namespace koeval::evaluation
