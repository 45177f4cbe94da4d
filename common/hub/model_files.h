// Which files of a model repository are read: by an evaluation, and by the checks before it.
#pragma once

#include <string_view>

namespace koeval::hub {

inline constexpr std::string_view kTemplateFolder = "additional_chat_templates/";
inline constexpr std::string_view kSingleWeights = "model.safetensors";

// Configuration, tokenizer, index of the weights or chat template: small, and read whole.
bool IsModelFile(std::string_view path);
// additional_chat_templates/NAME.jinja.
bool IsNamedTemplate(std::string_view path);
// Safetensors beside the configuration.
bool IsWeights(std::string_view path);

}  // namespace koeval::hub
