// Settings of a slot as a part of its hardware class.
#include "common/base/hardware_class.h"

namespace koeval {
namespace {

constexpr std::string_view kNaive = "; engine=naive";
constexpr std::string_view kAsModel = "; logits=as_model";

}  // namespace

std::string WithNumerics(std::string hardware_class, const SlotNumerics& numerics) {
  if (numerics.engine == "naive") hardware_class += kNaive;
  if (numerics.logits_dtype == "as_model") hardware_class += kAsModel;
  return hardware_class;
}

SlotNumerics NumericsOf(std::string_view hardware_class) {
  SlotNumerics out;
  if (hardware_class.find(kNaive) != std::string_view::npos) out.engine = "naive";
  if (hardware_class.find(kAsModel) != std::string_view::npos) out.logits_dtype = "as_model";
  return out;
}

}  // namespace koeval
