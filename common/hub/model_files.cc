// The names, as the hub's own libraries write them.
#include "common/hub/model_files.h"

#include <algorithm>
#include <array>

namespace koeval::hub {

bool IsModelFile(std::string_view path) {
  static constexpr std::array<std::string_view, 14> kNames = {"added_tokens.json",
                                                              "chat_template.jinja",
                                                              "chat_template.json",
                                                              "config.json",
                                                              "generation_config.json",
                                                              "merges.txt",
                                                              "model.safetensors.index.json",
                                                              "special_tokens_map.json",
                                                              "spiece.model",
                                                              "tokenizer.json",
                                                              "tokenizer.model",
                                                              "tokenizer_config.json",
                                                              "vocab.json",
                                                              "vocab.txt"};
  return std::find(kNames.begin(), kNames.end(), path) != kNames.end() || IsNamedTemplate(path);
}

bool IsNamedTemplate(std::string_view path) {
  return path.starts_with(kTemplateFolder) && path.ends_with(".jinja") &&
         path.find('/', kTemplateFolder.size()) == std::string_view::npos;
}

bool IsWeights(std::string_view path) {
  return path.ends_with(".safetensors") && path.find('/') == std::string_view::npos;
}

}  // namespace koeval::hub
