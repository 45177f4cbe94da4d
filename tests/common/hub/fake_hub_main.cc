// koeval-fake-hub: serves folders as a hub on this machine, for demonstrations without a network.
#include <signal.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>

#include "tests/common/hub/fake_hub.h"

namespace koeval::hub {
namespace {

constexpr int kExitUsage = 2;

// "ID=FOLDER" added under its kind; false when it is none.
bool AddSpec(FakeHub& hub, const std::string& spec, RepositoryKind kind) {
  const size_t sign = spec.find('=');
  const std::string id = spec.substr(0, sign);
  const std::string folder = sign == std::string::npos ? "" : spec.substr(sign + 1);
  if (!CheckRepositoryId(id).ok() || !std::filesystem::is_directory(folder)) {
    std::fprintf(stderr, "koeval-fake-hub: \"%s\" is not ORG/NAME=FOLDER\n", spec.c_str());
    return false;
  }
  const std::string commit = hub.AddFolder(id, folder, kind);
  std::printf("%s %s %s\n", std::string(KindName(kind)).c_str(), id.c_str(), commit.c_str());
  return true;
}

int Run(int argc, char** argv) {
  int port = 0;
  int64_t bytes_per_second = 0;
  std::vector<std::string> models, datasets;
  CLI::App app{"koeval-fake-hub serves folders as the Hugging Face Hub would, on this machine.",
               "koeval-fake-hub"};
  app.add_option("--port", port, "Port; without it a free one is taken");
  app.add_option("--model", models, "ORG/NAME=FOLDER, any number of times");
  app.add_option("--dataset", datasets, "ORG/NAME=FOLDER, any number of times");
  app.add_option("--bytes-per-second", bytes_per_second,
                 "Of each connection that a large file is read from; 0: as fast as it goes");
  app.footer(
      "Example:\n  koeval-fake-hub --port 7780 --model demo/llama=tests/golden/models/llama\n"
      "  koeval-worker --hub-endpoint http://127.0.0.1:7780 ...");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kExitUsage;
  }
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  FakeHub hub(port);
  hub.SlowDown(bytes_per_second);
  for (const std::string& spec : models) {
    if (!AddSpec(hub, spec, RepositoryKind::kModel)) return kExitUsage;
  }
  for (const std::string& spec : datasets) {
    if (!AddSpec(hub, spec, RepositoryKind::kDataset)) return kExitUsage;
  }
  std::printf("endpoint %s\n", hub.endpoint().c_str());
  std::fflush(stdout);
  int signal = 0;
  sigwait(&signals, &signal);
  return 0;
}

}  // namespace
}  // namespace koeval::hub

int main(int argc, char** argv) {
  return koeval::hub::Run(argc, argv);
}
