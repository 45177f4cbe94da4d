// Every vector of tests/golden/tokenizers: ids and texts as the reference gave them.
#include "tests/common/tokenizer/vectors.h"

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "common/base/file.h"
#include "tests/common/tokenizer/scratch_repository.h"

namespace koeval::tokenizer {
namespace {

Result<Json> ReadJson(const std::string& path) {
  ASSIGN_OR_RETURN(const std::string bytes, ReadFile(path));
  return ParseJson(bytes);
}

TEST(GoldenVectors, AllCasesAgree) {
  const auto cases = ReadJson(GoldenPath("cases.json"));
  ASSERT_TRUE(cases.ok()) << cases.status().ToString();
  ASSERT_GE(cases->size(), 15U);
  for (const Json& c : *cases) {
    if (!c.contains("vectors")) continue;
    const std::string name = c["vectors"].get<std::string>();
    SCOPED_TRACE(name);
    ScratchRepository repository;
    FillRepository(c, repository);
    const auto tokenizer = repository.Load(GenerationOf(c), c["model_type"].get<std::string>());
    ASSERT_TRUE(tokenizer.ok()) << tokenizer.status().ToString();
    const auto vectors = ReadVectors(GoldenPath(name));
    ASSERT_TRUE(vectors.ok()) << vectors.status().ToString();
    EXPECT_GE(vectors->size(), 150U);
    ExpectVectors(**tokenizer, *vectors, name);
  }
}

}  // namespace
}  // namespace koeval::tokenizer
