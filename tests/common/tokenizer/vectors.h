// Vectors: strings with the ids and texts that the reference implementation gave for them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/base/status.h"
#include "common/tokenizer/tokenizer.h"

namespace koeval::tokenizer {

struct Vector {
  std::string text;
  std::vector<int32_t> ids;
  std::vector<int32_t> ids_no_special;
  std::string decoded;       // of ids_no_special
  std::string decoded_skip;  // of ids, without special tokens
};

// One JSON object a line.
Result<std::vector<Vector>> ReadVectors(const std::string& path);

// Adds a failure for every vector that `tokenizer` gets wrong.
void ExpectVectors(const Tokenizer& tokenizer, const std::vector<Vector>& vectors,
                   const std::string& name);

// $KOEVAL_TEST_DATA/`below`, or nothing when that folder is absent.
std::string TestData(const std::string& below);
// tests/golden/tokenizers/`below` of the source tree.
std::string GoldenPath(const std::string& below);

}  // namespace koeval::tokenizer
