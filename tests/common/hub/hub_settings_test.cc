// Settings from the environment and from configuration; tokens that are none.
#include "common/hub/hub_settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>

#include "tests/common/temp_folder.h"

namespace koeval::hub {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

HubSettings From(const std::map<std::string, std::string>& variables) {
  return SettingsFromEnvironment([&](const char* name) {
    const auto at = variables.find(name);
    return at == variables.end() ? "" : at->second;
  });
}

TEST(HubSettingsTest, TheEnvironmentIsThatOfTheHubsTools) {
  EXPECT_EQ(From({{"HOME", "/h"}}).cache_dir, "/h/.cache/huggingface/hub");
  EXPECT_EQ(From({{"HOME", "/h"}}).endpoint, "https://huggingface.co");
  EXPECT_EQ(From({{"HOME", "/h"}}).token_file, "");
  EXPECT_EQ(From({{"HOME", "/h"}, {"XDG_CACHE_HOME", "/x"}}).cache_dir, "/x/huggingface/hub");
  EXPECT_EQ(From({{"HF_HOME", "/f"}}).cache_dir, "/f/hub");
  EXPECT_EQ(From({{"HF_HOME", "/f"}, {"HF_HUB_CACHE", "/c"}}).cache_dir, "/c");
  EXPECT_EQ(From({{"HF_ENDPOINT", "http://x"}}).endpoint, "http://x");
  EXPECT_EQ(From({{"HF_TOKEN_PATH", "/t"}}).token_file, "/t");
  EXPECT_TRUE(From({{"HF_HUB_OFFLINE", "true"}}).offline);
  EXPECT_FALSE(From({{"HF_HUB_OFFLINE", "0"}}).offline);
}

TEST(HubSettingsTest, SizesHaveUnits) {
  EXPECT_EQ(ParseSize("0").value(), 0);
  EXPECT_EQ(ParseSize("1500").value(), 1500);
  EXPECT_EQ(ParseSize("64KiB").value(), 65536);
  EXPECT_EQ(ParseSize("1.5 GiB").value(), 1610612736);
  EXPECT_EQ(ParseSize("500GB").value(), 500'000'000'000);
  for (const char* text : {"", "GiB", "-1", "1 XB", "1e400", "nan", "inf", "5 Gi B"}) {
    EXPECT_FALSE(ParseSize(text).ok()) << text;
  }
}

TEST(HubSettingsTest, ConfigurationNamesItsKeys) {
  auto map = ConfigMap::Parse(
      "endpoint: http://h\ncache_dir: /c\ncache_size: 2KiB\ndownloads: 7\noffline: true",
      "it.yaml");
  const HubSettings settings = ReadHubSettings(*map, {});
  ASSERT_TRUE(map->Finish().ok());
  EXPECT_EQ(settings.endpoint, "http://h");
  EXPECT_EQ(settings.cache_dir, "/c");
  EXPECT_EQ(settings.cache_bytes_max, 2048);
  EXPECT_EQ(settings.downloads, 7);
  EXPECT_TRUE(settings.offline);
  auto none = ConfigMap::Parse("downloads: 0", "it.yaml");
  (void)ReadHubSettings(*none, {});
  EXPECT_THAT(none->Finish().message(), HasSubstr("downloads"));
  auto bad = ConfigMap::Parse("cache_size: many", "it.yaml");
  (void)ReadHubSettings(*bad, {});
  EXPECT_THAT(bad->Finish().message(), HasSubstr("cache_size"));
}

TEST(HubSettingsTest, ATokenIsAPrivateFileOfOneLine) {
  TempFolder folder;
  HubSettings settings;
  settings.token_file = folder.File("token");
  const auto write = [&](const std::string& text, bool is_private) {
    std::ofstream(settings.token_file) << text;
    using std::filesystem::perms;
    std::filesystem::permissions(settings.token_file, is_private
                                                          ? perms::owner_read | perms::owner_write
                                                          : perms::owner_all | perms::others_read);
  };
  EXPECT_FALSE(MakeHubClient(settings).ok());
  write("hf_secret\n", true);
  EXPECT_TRUE(MakeHubClient(settings).ok());
  write("hf_secret\n", false);
  EXPECT_THAT(MakeHubClient(settings).status().message(), HasSubstr("chmod 600"));
  for (const char* text : {"", "two words", "hf_secret\r\nX-Evil: 1"}) {
    write(text, true);
    const Status status = MakeHubClient(settings).status();
    EXPECT_EQ(status.code(), Code::kInvalidArgument) << text;
    EXPECT_THAT(status.message(), Not(HasSubstr("hf_secret")));
  }
}

TEST(HubSettingsTest, AnEndpointIsAnHttpUrl) {
  HubSettings settings;
  settings.endpoint = "ftp://x";
  EXPECT_EQ(MakeHubClient(settings).status().code(), Code::kInvalidArgument);
}

}  // namespace
}  // namespace koeval::hub
