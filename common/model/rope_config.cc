// Rotary fields of config.json.
#include "common/model/rope_config.h"

#include <fmt/core.h>

#include <cmath>
#include <string>
#include <vector>

#include "common/base/utf8.h"

namespace koeval::model {
namespace {

constexpr double kNumberMax = 1e12;
constexpr double kTiny = 1e-12;

struct KindName {
  std::string_view name;
  RopeKind kind;
};
constexpr KindName kKinds[] = {{"default", RopeKind::kDefault},
                               {"linear", RopeKind::kLinear},
                               {"llama3", RopeKind::kLlama3},
                               {"yarn", RopeKind::kYarn},
                               {"longrope", RopeKind::kLongRope}};

// What lies around an object of rotary fields.
struct Surroundings {
  int64_t head_dim = 0;
  double max_positions = 0;
  double original_positions = 0;  // that is stated outside the object, or 0
  bool long_rope_names = false;
};

// The factor by which yarn grows cosines and sines unless the file gives one.
double YarnMagnitude(double factor, double mscale) {
  return factor <= 1 ? 1.0 : 0.1 * mscale * std::log(factor) + 1.0;
}

double YarnAttentionScaling(ConfigReader& fields, double factor) {
  const double given = fields.Double("attention_factor", 0, 0, kNumberMax);
  const double mscale = fields.Double("mscale", 0, 0, kNumberMax);
  const double mscale_all_dim = fields.Double("mscale_all_dim", 0, 0, kNumberMax);
  if (given > 0) return given;
  if (mscale > 0 && mscale_all_dim > 0) {
    return YarnMagnitude(factor, mscale) / YarnMagnitude(factor, mscale_all_dim);
  }
  return YarnMagnitude(factor, 1);
}

std::vector<double> ReadFactors(ConfigReader& fields, std::string_view key, size_t count) {
  std::vector<double> out;
  const Json* list = fields.Find(key);
  const bool fits = list != nullptr && list->is_array() && list->size() == count;
  for (size_t i = 0; fits && i < count; ++i) {
    const Json& value = (*list)[i];
    if (value.is_number() && value.get<double>() > 0) out.push_back(value.get<double>());
  }
  if (out.size() != count) {
    fields.Fail(key, fmt::format("must be a list of {} positive numbers", count));
    out.assign(count, 1);
  }
  return out;
}

void ReadLongRope(ConfigReader& fields, const Surroundings& around, RopeSpec& rope) {
  const auto count = static_cast<size_t>(rope.dim / 2);
  rope.short_factors = ReadFactors(fields, "short_factor", count);
  rope.long_factors = ReadFactors(fields, "long_factor", count);
  const double ratio = around.max_positions / rope.original_positions;
  rope.factor = fields.Double("factor", ratio, kTiny, kNumberMax);
  const double grown =
      rope.factor <= 1 ? 1
                       : std::sqrt(1 + std::log(rope.factor) / std::log(rope.original_positions));
  rope.attention_scaling = fields.Double("attention_factor", grown, kTiny, kNumberMax);
}

void ReadLlama3(ConfigReader& fields, RopeSpec& rope) {
  for (const std::string_view key : {"low_freq_factor", "high_freq_factor"}) {
    if (fields.Find(key) == nullptr) fields.Fail(key, "is missing");
  }
  rope.low_freq_factor = fields.Double("low_freq_factor", 1, kTiny, kNumberMax);
  rope.high_freq_factor = fields.Double("high_freq_factor", 4, kTiny, kNumberMax);
  if (rope.high_freq_factor <= rope.low_freq_factor) {
    fields.Fail("high_freq_factor", "must be greater than low_freq_factor");
  }
}

void ReadYarn(ConfigReader& fields, RopeSpec& rope) {
  const double beta_fast = fields.Double("beta_fast", 0, 0, kNumberMax);
  const double beta_slow = fields.Double("beta_slow", 0, 0, kNumberMax);
  rope.beta_fast = beta_fast > 0 ? beta_fast : 32;
  rope.beta_slow = beta_slow > 0 ? beta_slow : 1;
  rope.truncate = fields.Bool("truncate", true);
  rope.attention_scaling = YarnAttentionScaling(fields, rope.factor);
}

// The context before scaling: what the file says outside the object, then inside, then the length.
double ReadOriginalPositions(ConfigReader& fields, const Surroundings& around) {
  constexpr std::string_view kKey = "original_max_position_embeddings";
  const bool outside = around.original_positions > 0;
  const double fallback = outside ? around.original_positions : around.max_positions;
  const double inside = fields.Double(kKey, fallback, 2, kNumberMax);
  if (outside && inside != around.original_positions) {
    fields.Fail(kKey, "differs from the field of that name outside; make them agree");
  }
  return inside;
}

// The fields that belong to `rope.kind`.
void ReadScaling(ConfigReader& fields, const Surroundings& around, RopeSpec& rope) {
  if (rope.kind == RopeKind::kDefault) {
    // Files keep left-overs of other kinds beside "default"; the kind alone decides.
    for (const std::string_view key : {"factor", "original_max_position_embeddings"}) {
      fields.MarkRead(key);
    }
    return;
  }
  if (rope.kind != RopeKind::kLinear)
    rope.original_positions = ReadOriginalPositions(fields, around);
  if (rope.kind == RopeKind::kLongRope) return ReadLongRope(fields, around, rope);
  if (fields.Find("factor") == nullptr) fields.Fail("factor", "is missing");
  rope.factor = fields.Double("factor", 1, kTiny, kNumberMax);
  if (rope.kind == RopeKind::kLlama3) ReadLlama3(fields, rope);
  if (rope.kind == RopeKind::kYarn) ReadYarn(fields, rope);
}

// Kind by "rope_type" or its older name "type"; both in one object must agree.
RopeKind ReadKind(ConfigReader& fields, bool long_rope_names) {
  const std::string older = fields.String("type", "default");
  const std::string name = fields.String("rope_type", older);
  if (fields.Has("type") && name != older) fields.Fail("type", "differs from \"rope_type\"");
  if (long_rope_names && (name == "su" || name == "yarn")) return RopeKind::kLongRope;
  for (const KindName& known : kKinds) {
    if (known.name == name) return known.kind;
  }
  fields.Unsupported("rope_type",
                     fmt::format("is \"{}\"; supported: default, linear, llama3, yarn, longrope",
                                 Utf8Prefix(name, 100)));
  return RopeKind::kDefault;
}

int64_t RotatedDim(ConfigReader& config, std::string_view key, int64_t head_dim, double partial) {
  const auto dim = static_cast<int64_t>(static_cast<double>(head_dim) * partial);
  if (dim % 2 != 0) {
    config.Fail(key, fmt::format("rotates {} of {} dimensions, which is odd", dim, head_dim));
  }
  return dim;
}

// `object` (null: none) at `place` of config.json, over what the fields around it gave.
RopeSpec ReadObject(ConfigReader& config, const Json* object, const std::string& place,
                    const Surroundings& around, double theta, double partial) {
  RopeSpec rope;
  rope.kind = RopeKind::kDefault;
  rope.theta = theta;
  if (object == nullptr) {
    rope.dim = RotatedDim(config, "partial_rotary_factor", around.head_dim, partial);
  } else if (!object->is_object()) {
    config.Fail(place, "must be an object or null");
  } else {
    ConfigReader fields(*object, "config.json: " + place);
    rope.kind = ReadKind(fields, around.long_rope_names);
    rope.theta = fields.Double("rope_theta", theta, 1, kNumberMax);
    partial = fields.Double("partial_rotary_factor", partial, 0, 1);
    rope.dim = RotatedDim(fields, "partial_rotary_factor", around.head_dim, partial);
    ReadScaling(fields, around, rope);
    config.Take(fields.Finish({}));
  }
  if (rope.dim == 0) rope.kind = RopeKind::kNone;
  return rope;
}

// "rope_parameters", or the older "rope_scaling"; a file that has both would be read differently by
// the two generations.
struct RopeObject {
  const Json* json = nullptr;
  bool newer = false;
  std::string Name() const { return newer ? "rope_parameters" : "rope_scaling"; }
};

RopeObject FindObject(ConfigReader& config) {
  const Json* scaling = config.Find("rope_scaling");
  const Json* parameters = config.Find("rope_parameters");
  if (scaling != nullptr && parameters != nullptr && *scaling != *parameters) {
    config.Fail("rope_scaling", "stands beside a different \"rope_parameters\"; keep one of them");
  }
  if (parameters != nullptr) return {parameters, true};
  return {scaling, false};
}

}  // namespace

RopeSpec ReadRope(ConfigReader& config, const RopeDefaults& defaults, int64_t head_dim,
                  int64_t max_positions) {
  double theta = config.Double(defaults.theta_key, defaults.theta, 1, kNumberMax);
  if (defaults.theta_key != "rope_theta") {
    theta = config.Double("rope_theta", theta, 1, kNumberMax);
  }
  double partial = config.Double(defaults.partial_key, defaults.partial_factor, 0, 1);
  if (defaults.partial_key != "partial_rotary_factor") {
    partial = config.Double("partial_rotary_factor", partial, 0, 1);
  }
  Surroundings around;
  around.head_dim = head_dim;
  around.max_positions = static_cast<double>(max_positions);
  around.original_positions =
      config.Double("original_max_position_embeddings",
                    static_cast<double>(defaults.original_positions), 0, kNumberMax);
  around.long_rope_names = defaults.long_rope_names;
  const RopeObject object = FindObject(config);
  return ReadObject(config, object.json, object.Name(), around, theta, partial);
}

std::vector<RopeSpec> ReadGlobalAndLocalRope(ConfigReader& config,
                                             const GlobalAndLocalTheta& defaults, int64_t head_dim,
                                             int64_t max_positions) {
  const double global = config.Double("rope_theta", defaults.global, 1, kNumberMax);
  const double local = config.Double("rope_local_base_freq", defaults.local, 1, kNumberMax);
  Surroundings around;
  around.head_dim = head_dim;
  around.max_positions = static_cast<double>(max_positions);
  const RopeObject object = FindObject(config);
  if (!object.newer) {
    return {ReadObject(config, object.json, object.Name(), around, global, 1),
            ReadObject(config, nullptr, "", around, local, 1)};
  }
  ConfigReader typed(*object.json, "config.json: rope_parameters");
  std::vector<RopeSpec> out = {ReadObject(config, typed.Find("full_attention"),
                                          "rope_parameters.full_attention", around, global, 1),
                               ReadObject(config, typed.Find("sliding_attention"),
                                          "rope_parameters.sliding_attention", around, local, 1)};
  if (object.json->is_object()) {
    config.Take(typed.Finish({}));
  } else {
    config.Fail("rope_parameters", "must be an object or null");
  }
  return out;
}

}  // namespace koeval::model
