// The list of all families.
#include "common/model/families.h"

#include <fmt/core.h>

#include <vector>

namespace koeval::model {
namespace {

std::vector<Family> AllFamilies() {
  std::vector<Family> all;
  for (const auto families : {LlamaFamilies(), GemmaFamilies(), MoeFamilies(), GptFamilies(),
                              BloomFamilies(), LayerNormFamilies()}) {
    all.insert(all.end(), families.begin(), families.end());
  }
  return all;
}

}  // namespace

std::span<const Family> Families() {
  static const std::vector<Family> families = AllFamilies();
  return families;
}

const Family* FindFamilyByType(std::string_view model_type) {
  for (const Family& family : Families()) {
    if (family.model_type == model_type) return &family;
  }
  return nullptr;
}

const Family* FindFamilyByArchitecture(std::string_view architecture) {
  for (const Family& family : Families()) {
    if (family.architecture == architecture) return &family;
  }
  return nullptr;
}

std::string SupportedArchitectures() {
  std::string out;
  for (const Family& family : Families()) {
    out += fmt::format("{}{}", out.empty() ? "" : ", ", family.architecture);
  }
  return out;
}

}  // namespace koeval::model
