// Damage at random: whatever bytes a repository's files have, the checks end with a report.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <string>

#include "common/hub/check.h"
#include "common/hub/stage.h"
#include "tests/common/hub/good_repository.h"
#include "tests/common/temp_folder.h"

namespace koeval::hub {
namespace {

constexpr int kDamagesOfAFile = 12;

// xorshift64*: the same sequence everywhere.
class Dice {
 public:
  explicit Dice(uint64_t seed) : state_(seed) {}
  uint64_t Below(uint64_t end) {
    state_ ^= state_ >> 12;
    state_ ^= state_ << 25;
    state_ ^= state_ >> 27;
    return (state_ * 0x2545F4914F6CDD1DULL >> 11) % end;
  }

 private:
  uint64_t state_;
};

std::string Damaged(std::string bytes, Dice& dice) {
  const auto size = bytes.size();
  switch (dice.Below(5)) {
    case 0:
      return bytes.substr(0, dice.Below(size + 1));
    case 1:
      for (int i = 0; i < 8 && size > 0; ++i) {
        bytes[dice.Below(size)] = static_cast<char>(dice.Below(256));
      }
      return bytes;
    case 2: {  // a part again
      const size_t from = dice.Below(size + 1);
      return bytes.insert(dice.Below(size + 1), bytes.substr(from, dice.Below(64)));
    }
    case 3: {
      std::string noise(dice.Below(300), '\0');
      for (char& c : noise) c = static_cast<char>(dice.Below(256));
      return noise;
    }
    default:  // in front, where headers and lengths are
      for (int i = 0; i < 4 && size > 0; ++i) {
        bytes[dice.Below(std::min<size_t>(size, 200))] = static_cast<char>(dice.Below(256));
      }
      return bytes;
  }
}

void ExpectReport(RepositoryFiles files, const std::string& what) {
  const MemoryRepository repository("fuzz/model", std::move(files));
  const TempFolder folder;
  auto report = StageRepository(repository, folder.path());
  ASSERT_TRUE(report.ok()) << what << ": " << report.status().ToString();
  CheckOptions options;
  options.model = "fuzz/model";
  options.chat_template = "";
  report->Append(CheckModelDir(folder.path(), options));
  const auto again = ParseReport(ToJson(*report));
  ASSERT_TRUE(again.ok()) << what << ": " << again.status().ToString();
  for (const CheckFinding& finding : report->findings) {
    EXPECT_FALSE(finding.remedy.empty()) << what << ": " << finding.message;
  }
}

TEST(CheckFuzz, DamagedFilesGiveAReport) {
  RepositoryFiles good = GoodFiles();
  good["chat_template.jinja"] = "{% for m in messages %}{{ m.content }}{% endfor %}";
  good["special_tokens_map.json"] = R"({"bos_token": "<s>", "eos_token": {"content": "</s>"}})";
  good["added_tokens.json"] = R"({"<new>": 1199})";
  good["adapter_config.json"] = R"({"base_model_name_or_path": "org/base"})";
  Dice dice(20240812);
  for (const auto& [path, bytes] : good) {
    for (int i = 0; i < kDamagesOfAFile; ++i) {
      RepositoryFiles files = good;
      files[path] = Damaged(bytes, dice);
      ExpectReport(std::move(files), path + " " + std::to_string(i));
    }
  }
}

}  // namespace
}  // namespace koeval::hub
