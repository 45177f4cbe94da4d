// koeval-check: the submission checks of one model directory, as JSON, under limits of its own.
//
// THREADS: the main thread only.
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>
#include <optional>

#include "common/base/sanitizer.h"
#include "common/hub/check.h"
#include "common/hub/sandbox.h"
#include "common/hub/token_count.h"

namespace koeval::hub {
namespace {

constexpr int kExitUsage = 2;
constexpr rlim_t kCpuSecondsMax = 120;
constexpr rlim_t kReportBytesMax = 16 << 20;       // stdout may be a file
constexpr rlim_t kDataBytesMax = rlim_t{8} << 30;  // mapped files do not count

// The files are hostile until proven otherwise: no core dump, no new privileges, no network, no
// programs, bounded work.
void LimitThisProcess() {
  const rlimit none{0, 0};
  const rlimit cpu{kCpuSecondsMax, kCpuSecondsMax};
  const rlimit data{kDataBytesMax, kDataBytesMax};
  ::setrlimit(RLIMIT_CORE, &none);
  ::setrlimit(RLIMIT_CPU, &cpu);
  if (!kHasAddressSanitizer) ::setrlimit(RLIMIT_DATA, &data);  // whose shadow would count
  const rlimit report{kReportBytesMax, kReportBytesMax};
  ::setrlimit(RLIMIT_FSIZE, &report);
  ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  (void)GiveUpNetworkAndPrograms();  // where the kernel has no filters the limits above hold
}

[[noreturn]] void CountAndExit(const std::string& dir, int generation) {
  const auto answer = AnswerTokenCount(dir, generation, STDIN_FILENO);
  if (answer.ok()) {
    std::printf("%s\n", answer->c_str());
  } else {
    std::fprintf(stderr, "koeval-check: %s\n", answer.status().message().c_str());
  }
  std::fflush(stdout);
  std::_Exit(answer.ok() ? 0 : 1);
}

int Run(int argc, char** argv) {
  std::string dir, policy;
  std::string chat_template;
  CheckOptions options;
  bool json = false;
  int count_tokens = 0;
  CLI::App app{"koeval-check checks a model directory without running it.", "koeval-check"};
  app.add_option("dir", dir, "The model's directory")->required();
  app.add_option("--precision", options.precision, "float32, bfloat16 or float16");
  app.add_option("--weight-type", options.weight_type, "Original; others are refused");
  app.add_option("--model", options.model, "org/name that the directory is a copy of");
  app.add_option("--policy", policy, "The submission policy; default: the built-in one");
  const CLI::Option* wants_template =
      app.add_option("--chat-template", chat_template,
                     "A chat template of this name must be there, such as default");
  app.add_option("--count-tokens", count_tokens,
                 "Instead of the checks: the tokens of each text of a JSON list on stdin, as "
                 "transformers 4 or 5 has them")
      ->check(CLI::IsMember({4, 5}));
  app.add_flag("--json", json, "One line of JSON (the only format; the flag is for readers)");
  app.footer("Example:\n  koeval-check --json --precision bfloat16 /models/mine");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kExitUsage;
  }
  if (wants_template->count() > 0) options.chat_template = chat_template;
  if (!policy.empty()) {
    auto loaded = LoadPolicy(policy);
    if (!loaded.ok()) {
      std::fprintf(stderr, "koeval-check: %s\n", loaded.status().message().c_str());
      return kExitUsage;
    }
    options.policy = *std::move(loaded);
  }
  LimitThisProcess();
  if (count_tokens != 0) CountAndExit(dir, count_tokens);
  const CheckReport report = CheckModelDir(dir, options);
  // Texts of the repository may be no UTF-8: replaced rather than refused.
  std::printf("%s\n", ToJson(report).dump(-1, ' ', false, Json::error_handler_t::replace).c_str());
  std::fflush(stdout);
  // Without exit handlers: a sanitizer's check for leaks would need ptrace, which was given up.
  std::_Exit(report.ok() ? 0 : 1);
}

}  // namespace
}  // namespace koeval::hub

int main(int argc, char** argv) {
  return koeval::hub::Run(argc, argv);
}
