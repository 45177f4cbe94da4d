// Temporary repositories and small tokenizer.json files.
#include "tests/common/tokenizer/scratch_repository.h"

#include <fmt/core.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

#include "common/base/file.h"
#include "common/base/utf8.h"
#include "tests/common/tokenizer/vectors.h"

namespace koeval::tokenizer {

ScratchRepository::ScratchRepository() {
  std::string pattern = testing::TempDir() + "tokenizer-XXXXXX";
  const char* made = mkdtemp(pattern.data());
  EXPECT_NE(made, nullptr);
  path_ = pattern;
}

ScratchRepository::~ScratchRepository() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

void ScratchRepository::Write(const std::string& name, const std::string& bytes) {
  // Not synced: thousands of these are written.
  std::ofstream file(fmt::format("{}/{}", path_, name), std::ios::binary);
  file << bytes;
  file.close();
  EXPECT_TRUE(file.good()) << name;
}

void ScratchRepository::Write(const std::string& name, const Json& json) {
  Write(name, CompactJson(json));
}

Result<std::unique_ptr<Tokenizer>> ScratchRepository::Load(Generation generation,
                                                           const std::string& model_type) const {
  return LoadTokenizer(path_, {generation, model_type});
}

void FillRepository(const Json& c, ScratchRepository& repository) {
  const std::string folder = GoldenPath(c.at("tokenizer").get<std::string>());
  const auto read = [&](const std::string& name) {
    const auto bytes = ReadFile(folder + "/" + name);
    EXPECT_TRUE(bytes.ok()) << bytes.status().ToString();
    return bytes.ok() ? *bytes : std::string("{}");
  };
  for (const std::string& name : c.value("files", std::vector<std::string>{"tokenizer.json"})) {
    repository.Write(name, read(name));
  }
  const auto write_json = [&](const std::string& name, const Json& changes) {
    auto json = ParseJson(read(name));
    ASSERT_TRUE(json.ok()) << json.status().ToString();
    for (const auto& [key, value] : changes.items()) (*json)[key] = value;
    repository.Write(name, *json);
  };
  write_json("tokenizer_config.json", c.at("config"));
  if (c.contains("patch")) write_json("tokenizer.json", c["patch"]);
}

Generation GenerationOf(const Json& c) {
  return c.value("generation", 5) == 4 ? Generation::k4 : Generation::k5;
}

Json TokenizerJson(const std::string& model, const std::string& pre_tokenizer,
                   const std::string& normalizer, const std::string& decoder,
                   const std::string& post_processor, const std::string& added_tokens) {
  Json out = Json::object();
  out["version"] = "1.0";
  out["added_tokens"] = Json::parse(added_tokens);
  out["normalizer"] = Json::parse(normalizer);
  out["pre_tokenizer"] = Json::parse(pre_tokenizer);
  out["post_processor"] = Json::parse(post_processor);
  out["decoder"] = Json::parse(decoder);
  out["model"] = Json::parse(model);
  return out;
}

std::string CharacterModel() {
  Json vocab = Json::object();
  int id = 0;
  vocab["<unk>"] = id++;
  for (char c = ' '; c <= '~'; ++c) vocab[std::string(1, c)] = id++;
  for (char32_t c : {U'\u2581', U'\uac00', U'\ub098', U'\u00e9', U'\n'}) {
    std::string text;
    AppendUtf8(text, c);
    vocab[text] = id++;
  }
  Json model = Json::object();
  model["type"] = "BPE";
  model["unk_token"] = "<unk>";
  model["vocab"] = vocab;
  model["merges"] = Json::array();
  return CompactJson(model);
}

}  // namespace koeval::tokenizer
