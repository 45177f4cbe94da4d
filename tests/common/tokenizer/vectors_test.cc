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

// The golden tokenizer of a case with the case's settings.
void FillRepository(const Json& c, ScratchRepository& repository) {
  const std::string folder = GoldenPath(c["tokenizer"].get<std::string>());
  const auto tokenizer = ReadFile(folder + "/tokenizer.json");
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.status().ToString();
  auto config = ReadJson(folder + "/tokenizer_config.json");
  ASSERT_TRUE(config.ok()) << config.status().ToString();
  for (const auto& [key, value] : c["config"].items()) (*config)[key] = value;
  repository.Write("tokenizer.json", *tokenizer);
  repository.Write("tokenizer_config.json", *config);
}

TEST(GoldenVectors, AllCasesAgree) {
  const auto cases = ReadJson(GoldenPath("cases.json"));
  ASSERT_TRUE(cases.ok()) << cases.status().ToString();
  ASSERT_GE(cases->size(), 15U);
  for (const Json& c : *cases) {
    const std::string name = c["vectors"].get<std::string>();
    SCOPED_TRACE(name);
    ScratchRepository repository;
    FillRepository(c, repository);
    const auto tokenizer =
        repository.Load(c["generation"].get<int>() == 4 ? Generation::k4 : Generation::k5,
                        c["model_type"].get<std::string>());
    ASSERT_TRUE(tokenizer.ok()) << tokenizer.status().ToString();
    const auto vectors = ReadVectors(GoldenPath(name));
    ASSERT_TRUE(vectors.ok()) << vectors.status().ToString();
    EXPECT_GE(vectors->size(), 150U);
    ExpectVectors(**tokenizer, *vectors, name);
  }
}

}  // namespace
}  // namespace koeval::tokenizer
