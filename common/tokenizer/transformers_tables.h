// Which tokenizer class transformers has for a model type, and which classes it builds anew.
#pragma once

#include <string_view>

namespace koeval::tokenizer {

// The class that generation 5 registers for a model type, without "Fast"; empty when there is none.
std::string_view RegisteredClass5(std::string_view model_type);
// Whether repositories of this model type are known to declare a wrong class: then the registered
// one wins.
bool IsDeclaredClassWrong(std::string_view model_type);
// What generation 4 takes for a model type when tokenizer_config.json declares nothing.
std::string_view RegisteredClass4(std::string_view model_type);
// Classes of generation 5 that build their own pipeline, or run in Python, and are not done here.
bool IsUnsupportedClass5(std::string_view name);

}  // namespace koeval::tokenizer
