// What the commands share: errors, output, connections.
#include "scheduler/cli/commands.h"

#include <cstdio>

#include "scheduler/cli/exit_code.h"

namespace koeval::cli {

int Fail(const Status& status) {
  std::fprintf(stderr, "koeval: %s\n", status.message().c_str());
  return ExitCodeOf(status);
}

void Print(const std::string& text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

void PrintJson(const Json& value) {
  Print(value.dump(2) + "\n");
}

int WithClient(const Shell& shell, const std::function<Status(Client&)>& call) {
  const auto client = Client::Create(shell.client);
  if (!client.ok()) return Fail(client.status());
  const Status status = call(**client);
  return status.ok() ? kExitDone : Fail(status);
}

}  // namespace koeval::cli
