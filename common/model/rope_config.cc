// Rotary fields of config.json.
#include "common/model/rope_config.h"

#include <fmt/core.h>

#include <cmath>
#include <set>
#include <string>

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
                               {"yarn", RopeKind::kYarn}};

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

// The fields that belong to `rope.kind`.
void ReadScaling(ConfigReader& fields, int64_t max_positions, RopeSpec& rope) {
  if (rope.kind == RopeKind::kDefault) {
    // Files keep left-overs of other kinds beside "default"; the kind alone decides.
    for (const std::string_view key : {"factor", "original_max_position_embeddings"}) {
      fields.MarkRead(key);
    }
    return;
  }
  if (fields.Find("factor") == nullptr) fields.Fail("factor", "is missing");
  rope.factor = fields.Double("factor", 1, kTiny, kNumberMax);
  if (rope.kind == RopeKind::kLinear) return;
  rope.original_positions = fields.Double("original_max_position_embeddings",
                                          static_cast<double>(max_positions), 1, kNumberMax);
  if (rope.kind == RopeKind::kLlama3) {
    for (const std::string_view key : {"low_freq_factor", "high_freq_factor"}) {
      if (fields.Find(key) == nullptr) fields.Fail(key, "is missing");
    }
    rope.low_freq_factor = fields.Double("low_freq_factor", 1, kTiny, kNumberMax);
    rope.high_freq_factor = fields.Double("high_freq_factor", 4, kTiny, kNumberMax);
    if (rope.high_freq_factor <= rope.low_freq_factor) {
      fields.Fail("high_freq_factor", "must be greater than low_freq_factor");
    }
    return;
  }
  const double beta_fast = fields.Double("beta_fast", 0, 0, kNumberMax);
  const double beta_slow = fields.Double("beta_slow", 0, 0, kNumberMax);
  rope.beta_fast = beta_fast > 0 ? beta_fast : 32;
  rope.beta_slow = beta_slow > 0 ? beta_slow : 1;
  rope.truncate = fields.Bool("truncate", true);
  rope.attention_scaling = YarnAttentionScaling(fields, rope.factor);
}

// Kind by "rope_type" or its older name "type"; both in one object must agree.
RopeKind ReadKind(ConfigReader& fields) {
  const std::string older = fields.String("type", "default");
  const std::string name = fields.String("rope_type", older);
  if (fields.Has("type") && name != older) fields.Fail("type", "differs from \"rope_type\"");
  for (const KindName& known : kKinds) {
    if (known.name == name) return known.kind;
  }
  fields.Unsupported("rope_type", fmt::format("is \"{}\"; supported: default, linear, llama3, yarn",
                                              name.substr(0, 100)));
  return RopeKind::kDefault;
}

}  // namespace

RopeSpec ReadRope(ConfigReader& config, const RopeDefaults& defaults, int64_t head_dim,
                  int64_t max_positions) {
  RopeSpec rope;
  rope.kind = RopeKind::kDefault;
  rope.theta = config.Double(defaults.theta_key, defaults.theta, 1, kNumberMax);
  double partial = config.Double(defaults.partial_key, defaults.partial_factor, 0, 1);
  if (defaults.partial_key != "partial_rotary_factor") {
    partial = config.Double("partial_rotary_factor", partial, 0, 1);
  }
  if (defaults.theta_key != "rope_theta") {
    rope.theta = config.Double("rope_theta", rope.theta, 1, kNumberMax);
  }
  const Json* scaling = config.Find("rope_scaling");
  const Json* parameters = config.Find("rope_parameters");
  const bool newer = parameters != nullptr;
  const Json* object = newer ? parameters : scaling;
  if (object != nullptr && !object->is_object()) {
    config.Fail(newer ? "rope_parameters" : "rope_scaling", "must be an object or null");
  } else if (object != nullptr) {
    ConfigReader fields(*object,
                        newer ? "config.json: rope_parameters" : "config.json: rope_scaling");
    rope.kind = ReadKind(fields);
    rope.theta = fields.Double("rope_theta", rope.theta, 1, kNumberMax);
    partial = fields.Double("partial_rotary_factor", partial, 0, 1);
    ReadScaling(fields, max_positions, rope);
    config.Take(fields.Finish({}));
  }
  rope.dim = static_cast<int64_t>(static_cast<double>(head_dim) * partial);
  if (rope.dim % 2 != 0) {
    config.Fail(defaults.partial_key,
                fmt::format("rotates {} of {} dimensions, which is odd", rope.dim, head_dim));
  }
  if (rope.dim == 0) rope.kind = RopeKind::kNone;
  return rope;
}

}  // namespace koeval::model
