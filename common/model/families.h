// The families of models that have a native forward pass: one row each, one small function each.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "common/model/config_reader.h"
#include "common/model/decoder_spec.h"

namespace koeval::model {

struct Family {
  std::string_view architecture;  // architectures[0]
  std::string_view model_type;
  // The length field of the class, and its value when config.json has none.
  std::string_view length_key;
  int64_t length_default;
  // Fills the spec and names its tensors from the fields of config.json. Errors stay in `config`.
  void (*fill)(ConfigReader& config, DecoderSpec& spec);
  bool older_float32_logits = false;  // as in DecoderSpec
  // A multimodal class: the fields of its decoder are in "text_config", and text passes that alone.
  bool text_part = false;
};

constexpr bool kOlderFloat32Logits = true;

// The families of each file, NAME_families.cc.
std::span<const Family> LlamaFamilies();
std::span<const Family> GemmaFamilies();
std::span<const Family> MoeFamilies();
std::span<const Family> GptFamilies();
std::span<const Family> BloomFamilies();
std::span<const Family> LayerNormFamilies();
// All families, in the order of the messages that list them.
std::span<const Family> Families();
// By model_type, nullptr when there is none.
const Family* FindFamilyByType(std::string_view model_type);
const Family* FindFamilyByArchitecture(std::string_view architecture);
// "LlamaForCausalLM, GPTNeoXForCausalLM, ..."
std::string SupportedArchitectures();

}  // namespace koeval::model
