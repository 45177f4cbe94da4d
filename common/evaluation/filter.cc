// The filters of the harness.
#include "common/evaluation/filter.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <utility>

#include "common/base/utf8.h"
#include "common/evaluation/filter_answers.h"
#include "common/evaluation/python_text.h"

namespace koeval::evaluation {
namespace {

constexpr const char* kTakeFirst = "take_first";

class TakeFirst final : public Filter {
 public:
  Result<Json> Apply(Json value, const Json&) const override {
    const std::vector<Json> items = FilterItems(value);
    return items.empty() ? Json("") : items.front();
  }
};

class TakeFirstK final : public Filter {
 public:
  explicit TakeFirstK(size_t count) : count_(count) {}
  Result<Json> Apply(Json value, const Json&) const override {
    std::vector<Json> items = FilterItems(value);
    if (items.size() > count_) items.resize(count_);
    return Json(items);
  }

 private:
  const size_t count_;
};

// The most frequent answer; the earlier one of equals.
class MajorityVote final : public Filter {
 public:
  Result<Json> Apply(Json value, const Json&) const override {
    const std::vector<Json> items = FilterItems(value);
    const Json* best = nullptr;
    int64_t most = 0;
    for (const Json& item : items) {
      const int64_t count = std::count(items.begin(), items.end(), item);
      if (count > most) {
        best = &item;
        most = count;
      }
    }
    return best == nullptr ? Json::array() : Json::array({*best});
  }
};

class Mapping final : public Filter {
 public:
  Mapping(Json table, Json fallback) : table_(std::move(table)), fallback_(std::move(fallback)) {}
  Result<Json> Apply(Json value, const Json&) const override {
    Json out = Json::array();
    for (const Json& item : FilterItems(value)) {
      const bool known = item.is_string() && table_.contains(item.get_ref<const std::string&>());
      out.push_back(known ? table_[item.get_ref<const std::string&>()] : fallback_);
    }
    return out;
  }

 private:
  const Json table_;
  const Json fallback_;
};

// One text into one text, for each answer.
class TextFilter final : public Filter {
 public:
  using Change = std::function<Result<std::string>(std::string_view)>;
  explicit TextFilter(Change change) : change_(std::move(change)) {}
  Result<Json> Apply(Json value, const Json&) const override {
    Json out = Json::array();
    for (const Json& item : FilterItems(value)) {
      if (!item.is_string()) {
        return InvalidArgument(fmt::format("needs text, but is given {}", item.type_name()));
      }
      ASSIGN_OR_RETURN(std::string changed, change_(item.get_ref<const std::string&>()));
      out.push_back(std::move(changed));
    }
    return out;
  }

 private:
  const Change change_;
};

using FilterPtr = std::shared_ptr<const Filter>;

// The arguments of a step; what is not taken is unknown.
class Arguments {
 public:
  explicit Arguments(const Json& json) : json_(json) {}

  const Json* Take(const char* key) {
    taken_.emplace_back(key);
    return JsonFind(json_, key);
  }
  Status Finish() const {
    for (const auto& [key, value] : json_.items()) {
      if (std::find(taken_.begin(), taken_.end(), key) == taken_.end()) {
        return InvalidArgument(fmt::format("\"{}\" is no argument of it{}{}", key,
                                           taken_.empty() ? "" : "; known are ",
                                           fmt::join(taken_, ", ")));
      }
    }
    return OkStatus();
  }

 private:
  const Json& json_;
  std::vector<std::string> taken_;
};

Status Wrong(const char* key, const char* wanted) {
  return InvalidArgument(fmt::format("{} must be {}", key, wanted));
}

Result<std::string> TakeText(Arguments& arguments, const char* key, std::string fallback) {
  const Json* value = arguments.Take(key);
  if (value == nullptr) return fallback;
  if (!value->is_string()) return Wrong(key, "text");
  return value->get<std::string>();
}

Result<bool> TakeBool(Arguments& arguments, const char* key) {
  const Json* value = arguments.Take(key);
  if (value == nullptr) return false;
  if (!value->is_boolean()) return Wrong(key, "true or false");
  return value->get<bool>();
}

Result<RegexFilterOptions> TakeRegexOptions(Arguments& arguments) {
  RegexFilterOptions options;
  ASSIGN_OR_RETURN(options.pattern, TakeText(arguments, "regex_pattern", options.pattern));
  ASSIGN_OR_RETURN(options.fallback, TakeText(arguments, "fallback", options.fallback));
  if (const Json* select = arguments.Take("group_select")) {
    if (!select->is_number_integer()) return Wrong("group_select", "a whole number");
    options.group_select = select->get<int64_t>();
  }
  return options;
}

Result<FilterPtr> MakeRegex(Arguments& arguments) {
  ASSIGN_OR_RETURN(const RegexFilterOptions options, TakeRegexOptions(arguments));
  return MakeRegexFilter(options);
}

Result<FilterPtr> MakeMultiChoice(Arguments& arguments) {
  ASSIGN_OR_RETURN(RegexFilterOptions options, TakeRegexOptions(arguments));
  ASSIGN_OR_RETURN(options.ignore_case, TakeBool(arguments, "ignore_case"));
  ASSIGN_OR_RETURN(options.ignore_punctuation, TakeBool(arguments, "ignore_punctuation"));
  if (const Json* list = arguments.Take("regexes_to_ignore")) {
    if (!list->is_array()) return Wrong("regexes_to_ignore", "a list of patterns");
    for (const Json& item : *list) {
      if (!item.is_string()) return Wrong("regexes_to_ignore", "a list of patterns");
      options.regexes_to_ignore.push_back(item.get<std::string>());
    }
  }
  return MakeMultiChoiceRegexFilter(options);
}

Result<FilterPtr> MakeMap(Arguments& arguments) {
  const Json* table = arguments.Take("mapping_dict");
  if (table != nullptr && !table->is_object()) return Wrong("mapping_dict", "a mapping");
  const Json* fallback = arguments.Take("default_value");
  return FilterPtr(std::make_shared<Mapping>(table == nullptr ? Json::object() : *table,
                                             fallback == nullptr ? Json(nullptr) : *fallback));
}

Result<FilterPtr> MakeTakeFirstK(Arguments& arguments) {
  const Json* count = arguments.Take("k");
  if (count == nullptr || !count->is_number_integer() || count->get<int64_t>() < 1) {
    return Wrong("k", "a whole number above 0");
  }
  return FilterPtr(std::make_shared<TakeFirstK>(static_cast<size_t>(count->get<int64_t>())));
}

template <typename Change>
Result<FilterPtr> MakeText(Change change) {
  return FilterPtr(std::make_shared<TextFilter>(std::move(change)));
}

using Maker = Result<FilterPtr> (*)(Arguments&);

const std::map<std::string, Maker>& Makers() {
  static const std::map<std::string, Maker> kMakers = {
      {"format_span", [](Arguments&) { return MakeText(FormatSpan); }},
      {"lowercase", [](Arguments&) { return MakeText(PythonLower); }},
      {"majority_vote",
       [](Arguments&) { return Result<FilterPtr>(std::make_shared<MajorityVote>()); }},
      {"map", MakeMap},
      {"multi_choice_regex", MakeMultiChoice},
      {"regex", MakeRegex},
      {"remove_whitespace",
       [](Arguments&) {
         return MakeText([](std::string_view text) { return std::string(PythonStrip(text)); });
       }},
      {kTakeFirst, [](Arguments&) { return Result<FilterPtr>(std::make_shared<TakeFirst>()); }},
      {"take_first_k", MakeTakeFirstK},
      {"uppercase", [](Arguments&) { return MakeText(PythonUpper); }}};
  return kMakers;
}

Result<FilterPtr> MakeStep(const FilterStep& step) {
  if (step.function == "custom" || step.function == "decontaminate" ||
      step.function == "regex_pos") {
    return Unimplemented("needs Python; use another filter, or the harness itself");
  }
  const auto maker = Makers().find(step.function);
  if (maker == Makers().end()) {
    std::vector<std::string> known;
    for (const auto& [name, unused] : Makers()) known.push_back(name);
    return InvalidArgument(fmt::format("is no filter; known are {}", fmt::join(known, ", ")));
  }
  Arguments arguments(step.arguments);
  ASSIGN_OR_RETURN(FilterPtr filter, maker->second(arguments));
  RETURN_IF_ERROR(arguments.Finish());
  return filter;
}

// What the answers of a request must be for `step`, before anything was taken out of them.
Status CheckRepeats(const FilterStep& step, int64_t repeats) {
  const Json* count = JsonFind(step.arguments, "k");
  if (step.function != "take_first_k" || count == nullptr) return OkStatus();
  if (count->get<int64_t>() <= repeats) return OkStatus();
  return InvalidArgument(
      fmt::format("takes {} answers, but repeats is {}; set repeats", count->dump(), repeats));
}

}  // namespace

std::vector<Json> FilterItems(const Json& value) {
  if (value.is_array()) return {value.begin(), value.end()};
  if (!value.is_string()) return {value};
  std::vector<Json> out;
  const std::string& text = value.get_ref<const std::string&>();
  for (size_t at = 0; at < text.size();) {
    const size_t from = at;
    DecodeUtf8(text, at);
    out.emplace_back(text.substr(from, at - from));
  }
  return out;
}

Result<FilterPipeline> FilterPipeline::Make(const FilterConfig& config) {
  FilterPipeline out;
  out.name_ = config.name;
  for (const FilterStep& step : config.steps) {
    auto filter = MakeStep(step);
    if (!filter.ok()) {
      return filter.status().WithContext(
          fmt::format("filter_list, \"{}\": {}", config.name, step.function));
    }
    out.steps_.push_back(*std::move(filter));
  }
  return out;
}

Result<Json> FilterPipeline::Apply(const std::vector<std::string>& answers, const Json& doc) const {
  Json value(answers);
  for (const auto& step : steps_) {
    auto next = step->Apply(std::move(value), doc);
    if (!next.ok()) return next.status().WithContext("filter \"" + name_ + "\"");
    value = *std::move(next);
  }
  return value;
}

Result<std::vector<FilterPipeline>> MakeFilters(const TaskConfig& config) {
  std::vector<FilterConfig> configs = config.filters;
  if (configs.empty()) configs.push_back({"none", {{kTakeFirst, nullptr}}});
  std::vector<FilterPipeline> out;
  for (const FilterConfig& filter : configs) {
    ASSIGN_OR_RETURN(FilterPipeline pipeline, FilterPipeline::Make(filter));
    out.push_back(std::move(pipeline));
  }
  return out;
}

Status CheckFilters(const TaskConfig& config) {
  const auto made = MakeFilters(config);
  RETURN_IF_ERROR(made.status());
  for (const FilterConfig& filter : config.filters) {
    const std::string place = fmt::format("filter_list, \"{}\"", filter.name);
    const bool alone = filter.steps.size() == 1 && filter.steps[0].function == kTakeFirst;
    if (config.output_type != OutputType::kGenerateUntil && !alone) {
      return InvalidArgument(
          fmt::format("{}: filters are for generate_until; {} can only have take_first alone",
                      place, OutputTypeName(config.output_type)));
    }
    for (const FilterStep& step : filter.steps) {
      const Status status = CheckRepeats(step, config.repeats);
      if (!status.ok()) return status.WithContext(place + ": " + step.function);
    }
  }
  return OkStatus();
}

}  // namespace koeval::evaluation
