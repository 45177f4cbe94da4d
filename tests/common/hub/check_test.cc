// The submission checks: what is right passes, and each defect is named with its remedy.
#include "common/hub/check.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "common/base/file.h"

namespace koeval::hub {
namespace {

namespace fs = std::filesystem;

// A golden model copied into a folder of its own, to be damaged.
class CheckTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "koeval-check-XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    dir_ = pattern;
    const fs::path golden =
        fs::path(std::getenv("KOEVAL_SOURCE_DIR")) / "tests/golden/models/llama";
    for (const auto& entry : fs::directory_iterator(golden)) {
      fs::copy_file(entry.path(), dir_ / entry.path().filename());
      fs::permissions(dir_ / entry.path().filename(), fs::perms::owner_all);
    }
  }
  void TearDown() override { fs::remove_all(dir_); }

  CheckReport Check(const std::string& precision = "float32") {
    return CheckModelDir(dir_.string(), {.precision = precision});
  }
  // The only error of the report.
  static CheckFinding OnlyError(const CheckReport& report) {
    CheckFinding found;
    int errors = 0;
    for (const CheckFinding& finding : report.findings) {
      if (!finding.is_error) continue;
      found = finding;
      ++errors;
    }
    EXPECT_EQ(errors, 1) << ToJson(report).dump();
    EXPECT_FALSE(found.message.empty());
    EXPECT_FALSE(found.remedy.empty());
    return found;
  }
  void Write(const std::string& name, const std::string& text) {
    std::ofstream(dir_ / name, std::ios::trunc | std::ios::binary) << text;
  }
  std::string Read(const std::string& name) {
    const auto text = ReadFile((dir_ / name).string());
    EXPECT_TRUE(text.ok());
    return text.ok() ? *text : "";
  }

  fs::path dir_;
};

TEST_F(CheckTest, GoldenModelPassesWithItsFacts) {
  const CheckReport report = Check();
  EXPECT_TRUE(report.ok()) << ToJson(report).dump();
  EXPECT_EQ(report.facts["architecture"], "LlamaForCausalLM");
  EXPECT_GT(report.facts["parameters"].get<int64_t>(), 0);
  EXPECT_GT(report.facts["memory_bytes"].get<int64_t>(),
            4 * report.facts["parameters"].get<int64_t>());
  EXPECT_GT(report.facts["tokenizer_ids"].get<int64_t>(), 0);
}

TEST_F(CheckTest, MissingFolderIsModelNotFound) {
  EXPECT_EQ(OnlyError(CheckModelDir("/no/such/model", {})).code, Ending::kModelNotFound);
}

TEST_F(CheckTest, UnknownPrecisionIsInfeasible) {
  EXPECT_EQ(OnlyError(Check("int3")).code, Ending::kInfeasible);
}

TEST_F(CheckTest, PickledWeightsAloneAreNoSafetensors) {
  fs::rename(dir_ / "model.safetensors", dir_ / "pytorch_model.bin");
  EXPECT_EQ(OnlyError(Check()).code, Ending::kNoSafetensors);
}

TEST_F(CheckTest, TruncatedWeightsAreABadCheckpoint) {
  fs::resize_file(dir_ / "model.safetensors", fs::file_size(dir_ / "model.safetensors") - 1);
  EXPECT_EQ(OnlyError(Check()).code, Ending::kBadCheckpoint);
}

TEST_F(CheckTest, HostileHeaderLengthIsABadCheckpoint) {
  std::string bytes = Read("model.safetensors");
  for (size_t i = 0; i < 8; ++i) bytes[i] = '\xff';
  Write("model.safetensors", bytes);
  EXPECT_EQ(OnlyError(Check()).code, Ending::kBadCheckpoint);
}

TEST_F(CheckTest, UnknownArchitectureIsNamed) {
  std::string config = Read("config.json");
  const std::string from = "LlamaForCausalLM";
  config.replace(config.find(from), from.size(), "MysteryForCausalLM");
  const std::string type = "\"model_type\": \"llama\"";
  ASSERT_NE(config.find(type), std::string::npos);
  config.replace(config.find(type), type.size(), "\"model_type\": \"mystery\"");
  Write("config.json", config);
  const CheckFinding finding = OnlyError(Check());
  EXPECT_EQ(finding.code, Ending::kUnsupportedArchitecture);
  EXPECT_NE(finding.message.find("Mystery"), std::string::npos);
}

TEST_F(CheckTest, MissingTokenizerIsABadTokenizer) {
  fs::remove(dir_ / "tokenizer.json");
  EXPECT_EQ(OnlyError(Check()).code, Ending::kBadTokenizer);
}

TEST_F(CheckTest, AChatTemplateThatIsAskedForIsAmongTheFacts) {
  Write("chat_template.jinja", "{% for m in messages %}{{ m.content }}{% endfor %}");
  EXPECT_EQ(Check().facts.count("chat_template"), 0u);
  const CheckReport report = CheckModelDir(dir_.string(), {.chat_template = ""});
  ASSERT_TRUE(report.ok()) << ToJson(report).dump();
  EXPECT_EQ(report.facts["chat_template"]["name"], "default");
  EXPECT_EQ(report.facts["chat_template"]["text"], Read("chat_template.jinja"));
  EXPECT_EQ(report.facts["chat_template"]["special_tokens"]["bos_token"], "<s>");
}

TEST_F(CheckTest, AChatTemplateThatIsMissingOrBrokenIsABadTokenizer) {
  const CheckFinding missing = OnlyError(CheckModelDir(dir_.string(), {.chat_template = ""}));
  EXPECT_EQ(missing.code, Ending::kBadTokenizer);
  EXPECT_NE(missing.message.find("no chat template"), std::string::npos);
  Write("chat_template.jinja", "{{ messages | nofilter }}");
  const CheckFinding broken = OnlyError(CheckModelDir(dir_.string(), {.chat_template = ""}));
  EXPECT_NE(broken.message.find("line 1"), std::string::npos) << broken.message;
  EXPECT_NE(OnlyError(CheckModelDir(dir_.string(), {.chat_template = "rag"}))
                .message.find("it has default"),
            std::string::npos);
}

TEST_F(CheckTest, IndependentDefectsAreReportedTogether) {
  fs::remove(dir_ / "tokenizer.json");
  fs::resize_file(dir_ / "model.safetensors", 100);
  const CheckReport report = Check();
  const auto errors = std::count_if(report.findings.begin(), report.findings.end(),
                                    [](const CheckFinding& finding) { return finding.is_error; });
  EXPECT_EQ(errors, 2) << ToJson(report).dump();
}

TEST_F(CheckTest, ShardIndexThatLeavesTheFolderIsRefused) {
  fs::rename(dir_ / "model.safetensors", dir_ / "shard.safetensors");
  Write("model.safetensors.index.json",
        "{\"metadata\":{},\"weight_map\":{\"model.embed_tokens.weight\":\"../etc/passwd\"}}");
  EXPECT_EQ(OnlyError(Check()).code, Ending::kBadCheckpoint);
}

}  // namespace
}  // namespace koeval::hub
