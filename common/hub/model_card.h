// The model card of a repository: README.md, its YAML header and its text.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace koeval::hub {

inline constexpr size_t kCardBytesMax = size_t{4} << 20;
inline constexpr size_t kCardHeaderBytesMax = 64 << 10;

// Fields of the header keep at most kCardListMax entries of kCardWordBytesMax bytes each.
inline constexpr size_t kCardListMax = 64;
inline constexpr size_t kCardWordBytesMax = 200;

struct ModelCard {
  std::string license;       // as written: "apache-2.0", "other", ...; "" when none is named
  std::string license_name;  // of a licence called "other"
  std::string license_link;
  std::string base_model_relation;  // "finetune", "adapter", "merge", "quantized"; "" unless named
  std::vector<std::string> base_models, languages, tags;
  size_t text_characters = 0;  // code points of the text, the header and the blanks around it apart
  std::string problem;  // why the header cannot be read; "" when it can, or when there is none
};

// Never fails: a header that is no YAML mapping is named in `problem` and its fields are empty.
// The header lies between a first line "---" and the next one, as the hub reads it. Hostile input:
// call it where rule 11 of the architecture allows.
ModelCard ParseModelCard(std::string_view readme);

// The YAML of the header alone, each line ended; "" when there is none.
std::string CardHeader(std::string_view readme);

// The licence that counts: license_name where the licence is "other"; lower case.
std::string LicenseKey(const ModelCard& card);

}  // namespace koeval::hub
