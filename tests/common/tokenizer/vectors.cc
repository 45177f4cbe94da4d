// Reads and checks vectors.
#include "tests/common/tokenizer/vectors.h"

#include <fmt/core.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "common/base/file.h"
#include "common/base/json.h"

namespace koeval::tokenizer {
namespace {

Result<std::vector<int32_t>> ReadIds(const Json& row, std::string_view key,
                                     const std::string& where) {
  const Json* list = JsonFind(row, key);
  if (list == nullptr || !list->is_array()) return InvalidArgument(where + " has no ids");
  return list->get<std::vector<int32_t>>();
}

void ExpectVector(const Tokenizer& tokenizer, const Vector& vector, const std::string& name) {
  SCOPED_TRACE(fmt::format("{}: {}", name, Json(vector.text).dump()));
  const auto ids = tokenizer.Encode(vector.text, true);
  ASSERT_TRUE(ids.ok()) << ids.status().ToString();
  EXPECT_EQ(*ids, vector.ids);
  const auto bare = tokenizer.Encode(vector.text, false);
  ASSERT_TRUE(bare.ok()) << bare.status().ToString();
  EXPECT_EQ(*bare, vector.ids_no_special);
  const auto decoded = tokenizer.Decode(vector.ids_no_special, false);
  ASSERT_TRUE(decoded.ok()) << decoded.status().ToString();
  EXPECT_EQ(*decoded, vector.decoded);
  const auto skip = tokenizer.Decode(vector.ids, true);
  ASSERT_TRUE(skip.ok()) << skip.status().ToString();
  EXPECT_EQ(*skip, vector.decoded_skip);
}

}  // namespace

Result<std::vector<Vector>> ReadVectors(const std::string& path) {
  ASSIGN_OR_RETURN(const std::string bytes, ReadFile(path));
  std::vector<Vector> out;
  size_t line = 0;
  for (size_t at = 0; at < bytes.size(); ++line) {
    const size_t end = bytes.find('\n', at);
    const std::string where = fmt::format("{}:{}", path, line + 1);
    ASSIGN_OR_RETURN(const Json row, ParseJson(std::string_view(bytes).substr(at, end - at)));
    Vector vector;
    ASSIGN_OR_RETURN(vector.text, JsonString(row, "text", where));
    ASSIGN_OR_RETURN(vector.ids, ReadIds(row, "ids", where));
    ASSIGN_OR_RETURN(vector.ids_no_special, ReadIds(row, "ids_no_special", where));
    ASSIGN_OR_RETURN(vector.decoded, JsonString(row, "decoded", where));
    ASSIGN_OR_RETURN(vector.decoded_skip, JsonString(row, "decoded_skip", where));
    out.push_back(std::move(vector));
    if (end == std::string::npos) break;
    at = end + 1;
  }
  return out;
}

void ExpectVectors(const Tokenizer& tokenizer, const std::vector<Vector>& vectors,
                   const std::string& name) {
  for (const Vector& vector : vectors) ExpectVector(tokenizer, vector, name);
}

std::string TestData(const std::string& below) {
  const char* root = std::getenv("KOEVAL_TEST_DATA");
  if (root == nullptr) return "";
  const std::string path = fmt::format("{}/{}", root, below);
  return std::filesystem::exists(path) ? path : "";
}

std::string GoldenPath(const std::string& below) {
  const char* root = std::getenv("KOEVAL_SOURCE_DIR");
  return fmt::format("{}/tests/golden/tokenizers/{}", root == nullptr ? "." : root, below);
}

}  // namespace koeval::tokenizer
