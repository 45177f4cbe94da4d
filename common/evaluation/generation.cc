// generation_kwargs, read for greedy decoding.
#include "common/evaluation/generation.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>

namespace koeval::evaluation {
namespace {

constexpr int64_t kNewTokensDefault = 256;
constexpr int64_t kNewTokensMax = 1'000'000;
constexpr size_t kStopStringsMax = 64;

constexpr std::array<std::string_view, 4> kLengthKeys = {"max_gen_toks", "max_new_tokens",
                                                         "max_tokens", "max_completion_tokens"};
// Of sampling; they decide nothing when the likeliest token is taken.
constexpr std::array<std::string_view, 6> kSamplingKeys = {"top_p",     "top_k", "min_p",
                                                           "typical_p", "seed",  "random_seed"};

struct Neutral {
  std::string_view key;
  double value;
};
// Keys that change greedy decoding, unless they have this value.
constexpr std::array<Neutral, 8> kNeutral = {{{"num_beams", 1},
                                              {"num_return_sequences", 1},
                                              {"repetition_penalty", 1},
                                              {"length_penalty", 1},
                                              {"no_repeat_ngram_size", 0},
                                              {"presence_penalty", 0},
                                              {"frequency_penalty", 0},
                                              {"min_new_tokens", 0}}};

template <typename List>
bool Contains(const List& list, std::string_view key) {
  return std::find(list.begin(), list.end(), key) != list.end();
}

Result<std::vector<std::string>> ReadStops(const Json& value) {
  std::vector<std::string> stops;
  const Json list = value.is_array() ? value : Json::array({value});
  for (const Json& item : list) {
    if (!item.is_string()) {
      return InvalidArgument(
          "until: must be a text or a list of texts; quote what YAML reads as "
          "a number or as true and false");
    }
    if (!item.get_ref<const std::string&>().empty()) stops.push_back(item.get<std::string>());
  }
  if (stops.size() > kStopStringsMax) {
    return InvalidArgument(fmt::format("until: has more than {} stop strings", kStopStringsMax));
  }
  return stops;
}

std::optional<double> AsNumber(const Json& value) {
  if (value.is_number()) return value.get<double>();
  return std::nullopt;
}

Status CheckGreedy(const Json& kwargs) {
  const Json* sample = JsonFind(kwargs, "do_sample");
  if (sample != nullptr && !sample->is_boolean()) {
    return InvalidArgument("do_sample: must be true or false");
  }
  if (sample != nullptr && sample->get<bool>()) {
    return Unimplemented(
        "do_sample: texts are not drawn at random here; set do_sample: false and "
        "temperature: 0.0, or evaluate this task with the harness itself");
  }
  const Json* temperature = JsonFind(kwargs, "temperature");
  if (temperature == nullptr) return OkStatus();
  const auto value = AsNumber(*temperature);
  if (!value) return InvalidArgument("temperature: must be a number");
  if (*value > 0 && sample == nullptr) {
    return Unimplemented(
        "temperature: above 0 texts are drawn at random, which is not done here; "
        "set temperature: 0.0 or do_sample: false");
  }
  return OkStatus();
}

Status CheckKey(const std::string& key, const Json& value) {
  if (key == "until" || key == "do_sample" || key == "temperature" || Contains(kLengthKeys, key) ||
      Contains(kSamplingKeys, key)) {
    return OkStatus();
  }
  for (const Neutral& neutral : kNeutral) {
    if (key != neutral.key) continue;
    const auto number = AsNumber(value);
    if (number && *number == neutral.value) return OkStatus();
    return Unimplemented(
        fmt::format("{}: only {} is supported, which leaves the likeliest text; remove the key",
                    key, neutral.value));
  }
  return InvalidArgument(fmt::format(
      "{}: is not known; known are until, max_gen_toks, do_sample: false, temperature: 0.0", key));
}

}  // namespace

Result<Json> FillGenerationKwargs(const Json& kwargs, const std::string& fewshot_delimiter) {
  if (kwargs.is_null()) {
    Json out;
    out["temperature"] = 0.0;
    out["do_sample"] = false;
    out["max_gen_toks"] = kNewTokensDefault;
    out["until"] = Json::array({fewshot_delimiter});
    return out;
  }
  if (!kwargs.is_object()) return InvalidArgument("must be a mapping");
  Json out = kwargs;
  const auto temperature = out.find("temperature");
  if (temperature != out.end() && temperature->is_number()) {
    *temperature = temperature->get<double>();
  }
  if (!out.contains("until")) out["until"] = Json::array({fewshot_delimiter});
  return out;
}

Result<GenerationLimits> ReadGenerationLimits(const Json& kwargs) {
  for (const auto& [key, value] : kwargs.items()) RETURN_IF_ERROR(CheckKey(key, value));
  RETURN_IF_ERROR(CheckGreedy(kwargs));
  GenerationLimits out;
  out.max_tokens = kNewTokensDefault;
  if (const Json* until = JsonFind(kwargs, "until")) {
    ASSIGN_OR_RETURN(out.until, ReadStops(*until));
  }
  for (const std::string_view key : kLengthKeys) {
    const Json* tokens = JsonFind(kwargs, key);
    if (tokens == nullptr) continue;
    if (!tokens->is_number_integer() || tokens->get<int64_t>() < 1 ||
        tokens->get<int64_t>() > kNewTokensMax) {
      return InvalidArgument(
          fmt::format("{}: must be a whole number from 1 to {}", key, kNewTokensMax));
    }
    out.max_tokens = tokens->get<int64_t>();
    break;
  }
  return out;
}

}  // namespace koeval::evaluation
