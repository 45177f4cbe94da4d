// Digests over generated strings against those that tests/golden/differential_tokenizers.py stored:
// every case of cases.json, and every component and option of components.json.
#include <fmt/core.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "common/base/file.h"
#include "common/base/sha256.h"
#include "tests/common/tokenizer/generated_strings.h"
#include "tests/common/tokenizer/scratch_repository.h"
#include "tests/common/tokenizer/vectors.h"

namespace koeval::tokenizer {
namespace {

constexpr uint64_t kBlock = 1'000;  // strings
constexpr uint64_t kBlocks = 2;     // of the default run; the nightly run takes all that are stored
constexpr uint64_t kWithoutBlocks = 10'000;  // strings under one digest, where there are few blocks
constexpr size_t kBlockDigits = 16;          // of a block's digest
constexpr uint64_t kComponentCount = 300;
constexpr uint64_t kComponentCountNightly = 3'000;
constexpr uint64_t kSweep = 0x32400 / 256;  // blocks of code points

bool IsNightly() {
  return std::getenv("KOEVAL_NIGHTLY") != nullptr;
}

Json ReadGolden(const std::string& below) {
  const auto bytes = ReadFile(GoldenPath(below));
  EXPECT_TRUE(bytes.ok()) << bytes.status().ToString();
  auto json = ParseJson(bytes.ok() ? *bytes : "{}");
  EXPECT_TRUE(json.ok()) << json.status().ToString();
  return json.ok() ? std::move(json).value() : Json::object();
}

using Ids = std::vector<int32_t>;

// Adds what differential_tokenizers.py documents to `digest`.
void AddString(const Tokenizer& tokenizer, const Result<Ids>& ids, uint64_t index, Sha256& digest) {
  if (!ids.ok()) {
    digest.AddInt(-1);
    return;
  }
  digest.AddInt(static_cast<int64_t>(ids->size()));
  for (int32_t id : *ids) digest.AddInt(id);
  const auto text = tokenizer.Decode(*ids, index % 2 == 1);
  ASSERT_TRUE(text.ok()) << text.status().ToString();
  digest.AddInt(static_cast<int64_t>(text->size()));
  digest.Add(*text);
}

// The digest over strings [begin, end), or over lists of ids to decode.
std::string DigestOf(const Tokenizer& tokenizer, const StringGenerator& generator, uint64_t begin,
                     uint64_t end, bool decodes) {
  Sha256 digest;
  const auto size = static_cast<uint64_t>(tokenizer.vocab_size());
  for (uint64_t index = begin; index < end; ++index) {
    const auto ids = decodes ? Result<Ids>(generator.Ids(index, size))
                             : tokenizer.Encode(generator.String(index), true);
    AddString(tokenizer, ids, index, digest);
  }
  return digest.FinishHex();
}

// The digest over every `step`-th block of code points.
std::string SweepDigestOf(const Tokenizer& tokenizer, uint64_t step) {
  Sha256 digest;
  for (uint64_t block = 0; block < kSweep; block += step) {
    AddString(tokenizer, tokenizer.Encode(StringGenerator::Sweep(block), true), block, digest);
  }
  return digest.FinishHex();
}

class Differential : public testing::Test {
 protected:
  void SetUp() override {
    stored_ = ReadGolden("../differential_digests.json");
    auto generator = StringGenerator::Read(stored_.at("seed").get<uint64_t>());
    ASSERT_TRUE(generator.ok()) << generator.status().ToString();
    generator_ = std::make_unique<StringGenerator>(std::move(generator).value());
  }

  std::unique_ptr<Tokenizer> LoadOf(const ScratchRepository& repository, const Json& c) {
    auto tokenizer = repository.Load(GenerationOf(c), c.value("model_type", ""));
    EXPECT_TRUE(tokenizer.ok()) << tokenizer.status().ToString();
    return tokenizer.ok() ? std::move(tokenizer).value() : nullptr;
  }

  // REQUIRES: `repository` is filled.
  void ExpectStoredBlocks(const ScratchRepository& repository, const Json& c) {
    const std::string name = c.at("name").get<std::string>();
    SCOPED_TRACE(name);
    const auto tokenizer = LoadOf(repository, c);
    if (tokenizer == nullptr) return;
    const Json& digests = stored_.at("cases").at(name);
    const Json& stored = digests.at("blocks");
    ASSERT_GE(stored.size(), kBlocks);
    const uint64_t blocks = IsNightly() ? stored.size() : kBlocks;
    for (uint64_t block = 0; block < blocks; ++block) {
      const uint64_t first = block * kBlock;
      const std::string digest =
          DigestOf(*tokenizer, *generator_, first, first + kBlock, c.value("decodes", false));
      EXPECT_EQ(digest.substr(0, kBlockDigits), stored.at(block).get<std::string>()) << fmt::format(
          "differential_tokenizers.py --only '^{}$' --compare koeval --first {} --count {} "
          "names the strings",
          name, first, kBlock);
    }
    const std::string whole = std::to_string(kWithoutBlocks);
    if (!IsNightly() || !digests.contains(whole)) return;
    EXPECT_EQ(DigestOf(*tokenizer, *generator_, 0, kWithoutBlocks, c.value("decodes", false)),
              digests.at(whole).get<std::string>());
  }

  void ExpectStoredDigest(const ScratchRepository& repository, const Json& c, uint64_t count) {
    const std::string name = c.at("name").get<std::string>();
    SCOPED_TRACE(name);
    const auto tokenizer = LoadOf(repository, c);
    if (tokenizer == nullptr) return;
    const Json& digests = stored_.at("cases").at(name);
    const std::string hint = fmt::format(
        "differential_tokenizers.py --only '^{}$' --compare koeval names the strings", name);
    EXPECT_EQ(DigestOf(*tokenizer, *generator_, 0, count, c.value("decodes", false)),
              digests.at(std::to_string(count)).get<std::string>())
        << hint;
    if (!digests.contains("sweep")) return;
    EXPECT_EQ(SweepDigestOf(*tokenizer, IsNightly() ? 1 : 16),
              digests.at(IsNightly() ? "sweep" : "sweep16").get<std::string>())
        << hint;
  }

  Json stored_;
  std::unique_ptr<StringGenerator> generator_;
};

TEST_F(Differential, CasesGiveTheStoredDigests) {
  const Json cases = ReadGolden("cases.json");
  ASSERT_GE(cases.size(), 50U);
  for (const Json& c : cases) {
    ScratchRepository repository;
    FillRepository(c, repository);
    ExpectStoredBlocks(repository, c);
  }
}

// A model by its name, or as {"of": name} with members that differ.
Json ModelOf(const Json& c, const Json& models) {
  const Json& model = c.at("model");
  if (model.is_string()) return models.at(model.get<std::string>());
  Json out = models.at(model.at("of").get<std::string>());
  for (const auto& [key, value] : model.items()) {
    if (key != "of") out[key] = value;
  }
  return out;
}

TEST_F(Differential, ComponentsGiveTheStoredDigests) {
  const Json components = ReadGolden("components.json");
  ASSERT_GE(components.at("cases").size(), 180U);
  for (const Json& c : components.at("cases")) {
    Json tokenizer = Json::object();
    tokenizer["model"] = ModelOf(c, components.at("models"));
    for (const char* key :
         {"normalizer", "pre_tokenizer", "post_processor", "decoder", "added_tokens"}) {
      if (const Json* component = JsonFind(c, key)) tokenizer[key] = *component;
    }
    ScratchRepository repository;
    repository.Write("tokenizer.json", tokenizer);
    ExpectStoredDigest(repository, c, IsNightly() ? kComponentCountNightly : kComponentCount);
  }
}

}  // namespace
}  // namespace koeval::tokenizer
