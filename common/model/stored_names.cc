// Names of generations, and expert tensors inside stacked ones.
#include "common/model/stored_names.h"

#include <fmt/core.h>

#include <array>
#include <utility>

#include "common/model/family_fields.h"

namespace koeval::model {
namespace {

constexpr std::string_view kGateUp = ".experts.gate_up_proj";
constexpr std::string_view kDown = ".experts.down_proj";
constexpr std::string_view kOlderBlock = ".block_sparse_moe.";  // of Mixtral before generation 5
constexpr std::array<std::pair<std::string_view, std::string_view>, 3> kOlderExperts = {
    {{".w1.weight", ".gate_proj.weight"},
     {".w3.weight", ".up_proj.weight"},
     {".w2.weight", ".down_proj.weight"}}};

std::string GenerationFive(std::string name, size_t block) {
  name.replace(block, kOlderBlock.size(), ".mlp.");
  for (const auto& [older, newer] : kOlderExperts) {
    if (!name.ends_with(older)) continue;
    name.replace(name.size() - older.size(), older.size(), newer);
    break;
  }
  return name;
}

}  // namespace

std::vector<TensorInfo> ExpertSlices(const TensorInfo& whole) {
  const std::string_view name = whole.name;
  const bool gate_up = name.ends_with(kGateUp);
  if (whole.shape.size() != 3 || (!gate_up && !name.ends_with(kDown))) return {};
  const int64_t experts = whole.shape[0], rows = whole.shape[1], columns = whole.shape[2];
  const uint64_t parts = gate_up ? 2 : 1;
  if (experts < 1 || experts > kExpertsMax || rows < 1 || columns < 1 ||
      static_cast<uint64_t>(rows) % parts != 0) {
    return {};
  }
  const uint64_t count = static_cast<uint64_t>(experts) * parts;
  const uint64_t bytes = whole.end - whole.begin;
  if (bytes % count != 0) return {};
  const std::string prefix(name.substr(0, name.size() - (gate_up ? kGateUp : kDown).size()));
  std::vector<TensorInfo> out;
  for (uint64_t i = 0; i < count; ++i) {
    TensorInfo& slice = out.emplace_back();
    const char* const kind = !gate_up ? "down_proj" : i % 2 == 0 ? "gate_proj" : "up_proj";
    slice.name = fmt::format("{}.experts.{}.{}.weight", prefix, i / parts, kind);
    slice.dtype = whole.dtype;
    slice.shape = {rows / static_cast<int64_t>(parts), columns};
    slice.begin = whole.begin + i * (bytes / count);
    slice.end = slice.begin + bytes / count;
  }
  return out;
}

std::vector<std::string> OtherNames(const DecoderSpec& spec, const std::string& name) {
  std::vector<std::string> out;
  if (!spec.base_prefix.empty() && name.starts_with(spec.base_prefix)) {
    out.push_back(name.substr(spec.base_prefix.size()));
  }
  if (const size_t block = name.find(kOlderBlock); block != std::string::npos) {
    out.push_back(GenerationFive(name, block));
  }
  if (!spec.text_part) return out;
  constexpr std::string_view kBase = "model.";
  out.push_back("language_model." + name);
  if (name.starts_with(kBase)) out.push_back("model.language_model." + name.substr(kBase.size()));
  return out;
}

bool IsOtherPart(std::string_view name) {
  if (name.starts_with("model.")) name.remove_prefix(6);
  return name.starts_with("vision_tower.") || name.starts_with("multi_modal_projector.");
}

}  // namespace koeval::model
