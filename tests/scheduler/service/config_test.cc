// Settings: defaults, every kind of error, printing.
#include "scheduler/service/config.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "scheduler/service/address.h"

namespace koeval::service {
namespace {

Status Check(const std::string& text) {
  const auto config = ParseServiceConfig(text, "scheduler.yaml", "/etc/koeval");
  return config.ok() ? ValidateServiceConfig(*config) : config.status();
}

TEST(ServiceConfig, EmptyFileGivesValidDefaults) {
  const auto config = ParseServiceConfig("", "scheduler.yaml", "/etc/koeval");
  ASSERT_TRUE(config.ok()) << config.status().ToString();
  EXPECT_TRUE(ValidateServiceConfig(*config).ok());
  EXPECT_EQ(config->grpc_address, "127.0.0.1:7711");
  EXPECT_EQ(config->http_address, "127.0.0.1:7712");
  EXPECT_EQ(config->DatabasePath(), "/var/lib/koeval/koeval.db");
}

TEST(ServiceConfig, TheShippedFileSaysTheDefaults) {
  const char* source = std::getenv("KOEVAL_SOURCE_DIR");
  ASSERT_NE(source, nullptr);
  const auto shipped = LoadServiceConfig(std::string(source) + "/configs/scheduler.yaml");
  ASSERT_TRUE(shipped.ok()) << shipped.status().ToString();
  EXPECT_TRUE(ValidateServiceConfig(*shipped).ok());
  ServiceConfig defaults;
  defaults.suites_dir = shipped->suites_dir;  // the one path that starts from the file's folder
  EXPECT_EQ(PrintServiceConfig(*shipped), PrintServiceConfig(defaults));
}

TEST(ServiceConfig, WhatIsPrintedReadsBackTheSame) {
  const auto config = ParseServiceConfig(
      "grpc_address: '[::1]:9'\nhttp_address: \"\"\nstate_dir: state\nlease: 20s\nheartbeat: "
      "500ms\n"
      "allow_local_models: true\nlocal_model_roots: [/a, '/b \"c\"']\ncheck: {threads: 3, "
      "hub_wait: 90min}\n"
      "public_datasets: [kmmlu, skt/kobest_v1]\nsubmits_max: 5\nsubmits_window: 2h\n"
      "core_dumps: true\nlock_memory: false\nnotify:\n  webhook_url: https://host/hook\n"
      "  webhook_secret_file: secret\n  mail_command: [/usr/bin/msmtp, 'a \"b\"']\n",
      "x.yaml", "/base");
  ASSERT_TRUE(config.ok()) << config.status().ToString();
  EXPECT_EQ(config->state_dir, "/base/state");
  const std::string printed = PrintServiceConfig(*config);
  const auto again = ParseServiceConfig(printed, "printed", "/elsewhere");
  ASSERT_TRUE(again.ok()) << again.status().ToString();
  EXPECT_EQ(PrintServiceConfig(*again), printed);
}

TEST(ServiceConfig, OverridesWin) {
  ServiceConfig config;
  ApplyOverrides({.grpc_address = "127.0.0.1:0",
                  .http_address = "",
                  .database = "/x/y.db",
                  .state_dir = std::nullopt,
                  .suites_dir = std::nullopt},
                 &config);
  EXPECT_EQ(config.grpc_address, "127.0.0.1:0");
  EXPECT_EQ(config.http_address, "");
  EXPECT_EQ(config.DatabasePath(), "/x/y.db");
  EXPECT_EQ(config.state_dir, "/var/lib/koeval");
}

TEST(ServiceConfig, ErrorsNameThePlace) {
  struct Case {
    const char* text;
    const char* named;
  };
  const Case cases[] = {
      {"grcp_address: x", "unknown key \"grcp_address\""},
      {"\n\nlog_level: loud", "scheduler.yaml:3: log_level"},
      {"lease: 9", "lease"},
      {"lease: {a: 1}", "lease"},
      {"lease: 1s\nheartbeat: 2s", "three heartbeats"},
      {"lease_batches_max: 0", "lease_batches_max"},
      {"lease_batches_max: many", "lease_batches_max"},
      {"allow_local_models: perhaps", "allow_local_models"},
      {"local_model_roots: /a", "local_model_roots"},
      {"tls: {cert: a}", "cert and key"},
      {"tls: {client_ca: a}", "tls.client_ca"},
      {"tls: {certificate: a}", "tls.certificate"},
      {"tls: yes", "tls"},
      {"check: {threads: 0}", "check.threads"},
      {"grpc_address: 7711", "grpc_address"},
      {"grpc_address: localhost:99999", "grpc_address"},
      {"grpc_address: 0.0.0.0:7711", "grpc_address"},
      {"grpc_address: 0.0.0.0:7711\ntls: {cert: a, key: b}", "grpc_address"},
      {"grpc_address: 0.0.0.0:7711\ntokens_file: t", "grpc_address"},
      {"http_address: 0.0.0.0:7712", "http_address"},
      {"insecure_listen: why not", "insecure_listen"},
      {"notify: {webhook_url: 'ftp://host/'}", "notify.webhook_url"},
      {"notify: {webhook_url: 'https://host/hook'}", "notify.webhook_secret_file"},
      {"notify: {mail_command: [sendmail, -i]}", "notify.mail_command"},
      {"notify: {mail: x}", "notify.mail"},
      {"submits_max: -1", "submits_max"},
      {"check: {hub_wait: 3}", "hub_wait"},
      {"time_limit_default: 2d\ntime_limit_max: 1d", "time_limit_default"},
      {"grace: 10s\ngrace: 11s", "given twice"},
      {"- a", "top level"},
      {"a: [", "not valid YAML"},
  };
  for (const Case& c : cases) {
    const Status status = Check(c.text);
    EXPECT_FALSE(status.ok()) << c.text;
    EXPECT_NE(status.message().find(c.named), std::string::npos) << c.text << "\n"
                                                                 << status.message();
  }
}

TEST(ServiceConfig, AnOpenAddressNeedsSecurityOrPlainWords) {
  EXPECT_TRUE(Check("grpc_address: 0.0.0.0:7711\ntls: {cert: a, key: b}\ntokens_file: t").ok());
  EXPECT_TRUE(Check("grpc_address: 0.0.0.0:7711\ntls: {cert: a, key: b, client_ca: c}").ok());
  EXPECT_TRUE(Check("grpc_address: 0.0.0.0:7711\nhttp_address: 0.0.0.0:7712\n"
                    "insecure_listen: anyone-can-read-and-change-everything")
                  .ok());
}

TEST(Addresses, HostAndPortAreRead) {
  EXPECT_EQ(ParseAddress("127.0.0.1:80")->port, 80);
  EXPECT_EQ(ParseAddress("[::1]:0")->host, "::1");
  EXPECT_EQ(ParseAddress("[::1]:5")->ToString(), "[::1]:5");
  for (const char* bad : {"", ":", "a", "a:", ":1", "::1:5", "[]:1", "a:x", "a:-1", "a:65536"}) {
    EXPECT_FALSE(ParseAddress(bad).ok()) << bad;
  }
}

}  // namespace
}  // namespace koeval::service
