// Words after a hardware class: settings of a slot that change the bits of an answer. Slots that
// differ in them are of different classes, so that they never share a request.
#pragma once

#include <string>
#include <string_view>

namespace koeval {

// What a slot may be set to; the defaults are not written.
struct SlotNumerics {
  std::string engine = "plan";           // plan, naive
  std::string logits_dtype = "float32";  // float32, as_model
};

// `hardware_class` as the runner names it, with what `numerics` has besides the defaults.
std::string WithNumerics(std::string hardware_class, const SlotNumerics& numerics);
// What WithNumerics wrote into `hardware_class`.
SlotNumerics NumericsOf(std::string_view hardware_class);

}  // namespace koeval
