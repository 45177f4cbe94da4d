// worker.yaml: the hub's section, and the shipped file.
#include "worker/agent/agent_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "common/base/file.h"
#include "tests/common/temp_folder.h"

namespace koeval::agent {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class AgentConfigTest : public ::testing::Test {
 protected:
  Result<AgentConfig> Load(const std::string& text) {
    std::ofstream(folder_.File("worker.yaml")) << text;
    return LoadAgentConfig(folder_.File("worker.yaml"));
  }
  TempFolder folder_;
};

TEST_F(AgentConfigTest, WithoutASectionThereIsNoHub) {
  EXPECT_FALSE(Load("worker: a\n")->hub.has_value());
}

TEST_F(AgentConfigTest, TheHubsSectionIsRead) {
  const auto config = Load(
      "hub: {endpoint: 'http://127.0.0.1:7780', token_file: /t, cache_dir: /c, cache_size: "
      "2GiB}\n");
  ASSERT_TRUE(config.ok()) << config.status().ToString();
  ASSERT_TRUE(config->hub.has_value());
  EXPECT_EQ(config->hub->endpoint, "http://127.0.0.1:7780");
  EXPECT_EQ(config->hub->cache_dir, "/c");
  EXPECT_EQ(config->hub->cache_bytes_max, int64_t{2} << 30);
  EXPECT_THAT(PrintAgentConfig(*config),
              AllOf(HasSubstr("cache_size: 2147483648"), HasSubstr("token_file: \"/t\"")));
}

TEST_F(AgentConfigTest, WrongKeysOfTheHubAreNamed) {
  EXPECT_THAT(Load("hub: {cache: /c}\n").status().message(), HasSubstr("cache"));
  EXPECT_THAT(Load("hub: {cache_size: big}\n").status().message(), HasSubstr("cache_size"));
}

TEST_F(AgentConfigTest, WhatHappensWhereRowsCouldBeSwappedIsOneOfTwo) {
  EXPECT_EQ(Load("worker: a\n")->private_data_swap, "warn");
  auto config = Load("worker: a\nrunner: /bin/true\nprivate_data_swap: refuse\n");
  ASSERT_TRUE(config.ok()) << config.status().ToString();
  EXPECT_TRUE(CompleteAgentConfig("/none", *config).ok());
  EXPECT_THAT(PrintAgentConfig(*config), HasSubstr("private_data_swap: refuse\n"));
  config->private_data_swap = "maybe";
  EXPECT_THAT(CompleteAgentConfig("/none", *config).message(),
              HasSubstr("private_data_swap must be warn or refuse, found \"maybe\""));
}

// Each commented key of the shipped file, as an operator would open it.
TEST_F(AgentConfigTest, TheShippedSectionIsValid) {
  const std::string path = std::string(std::getenv("KOEVAL_SOURCE_DIR")) + "/configs/worker.yaml";
  const std::string text = ReadFile(path).value();
  std::string section;
  size_t at = text.find("# hub:\n");
  ASSERT_NE(at, std::string::npos);
  while (text.compare(at, 2, "# ") == 0) {
    const size_t end = text.find('\n', at);
    section += text.substr(at + 2, end - at - 1);
    at = end + 1;
  }
  const auto config = Load(section);
  ASSERT_TRUE(config.ok()) << config.status().ToString() << "\n" << section;
  EXPECT_EQ(config->hub->endpoint, "https://huggingface.co");
}

}  // namespace
}  // namespace koeval::agent
