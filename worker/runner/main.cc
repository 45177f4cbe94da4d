// koeval-runner: holds one model and scores batches for the process that feeds it frames.
//
// THREADS  main: loads, plans and runs, in the order of the frames. reader: reads frames; touches
//          the lease board and the queue of commands. alive: writes one frame each second.
//          libtorch: its own pool, used by main only. The signal handler writes to an eventfd.
#include <fcntl.h>
#include <fmt/core.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <atomic>
#include <csignal>
#include <string>

#include "common/base/log.h"
#include "common/base/private_memory.h"
#include "common/tokenizer/tokenizer.h"
#include "worker/engine/engine.h"
#include "worker/runner/messages.h"
#include "worker/runner/server.h"

namespace {

std::atomic<int> stop_fd = -1;

void OnSignal(int) {
  const uint64_t one = 1;
  if (::write(stop_fd.load(), &one, sizeof one) < 0) return;  // it was told before
}

// A descriptor of its own for frames, so that a library that prints cannot damage them.
int TakeOver(int fd) {
  const int own = ::fcntl(fd, F_DUPFD_CLOEXEC, 3);
  if (own >= 0 && fd == STDOUT_FILENO) ::dup2(STDERR_FILENO, STDOUT_FILENO);
  return own;
}

constexpr const char* kFooter =
    "Frames are lines of JSON. A parent speaks over pipes; files work as well:\n"
    "  koeval eval --model DIR --suite S --emit-frames F\n"
    "  koeval-runner <F >R\n"
    "  koeval eval --model DIR --suite S --collect R\n"
    "SIGTERM ends it after the batch in flight.\n"
    "Exit status: 0 done, 1 broken device or frames that cannot be read or written, 2 usage.";

int PrintHardwareClass(const std::string& device, int threads) {
  const auto text = koeval::engine::DescribeHardware(device, threads);
  if (!text.ok()) {
    fmt::print(stderr, "koeval-runner: {}\n", text.status().message());
    return 1;
  }
  fmt::print("{}\n", *text);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("koeval-runner: scores batches with one model in memory");
  app.footer(kFooter);
  int in_fd = STDIN_FILENO;
  int out_fd = STDOUT_FILENO;
  std::string level = "info";
  app.add_option("--in-fd", in_fd, "Descriptor to read frames from")->check(CLI::NonNegativeNumber);
  app.add_option("--out-fd", out_fd, "Descriptor to write frames to")
      ->check(CLI::NonNegativeNumber);
  app.add_option("--log-level", level, "debug, info, warning or error; logs go to stderr");
  bool core_dumps = false;
  app.add_flag("--core-dumps", core_dumps, "Allow core files, which hold private rows");
  bool lock_memory = false;
  app.add_flag("--lock-memory", lock_memory,
               "Keep its memory, which holds private rows, out of swap; ends where that fails");
  bool hardware_class = false;
  std::string device = "cpu";
  int threads = 0;
  CLI::Option* hardware =
      app.add_flag("--hardware-class", hardware_class, "Print a device's hardware class and end");
  app.add_option("--device", device, "With --hardware-class: cpu or cuda:N")->needs(hardware);
  app.add_option("--threads", threads, "With --hardware-class: CPU threads, 0 = all")
      ->needs(hardware)
      ->check(CLI::NonNegativeNumber);
  app.set_version_flag("--version", std::string(koeval::runner::kVersion));
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? 0 : 2;
  }
  const koeval::Status logging = koeval::InitLog("koeval-runner", level);
  if (!logging.ok()) {
    fmt::print(stderr, "koeval-runner: {}\n", logging.message());
    return 2;
  }
  if (hardware_class) return PrintHardwareClass(device, threads);
  if (!core_dumps) koeval::ForbidCoreDumps();  // prompts and private rows lie in memory
  if (lock_memory && !koeval::LockMemory()) {
    fmt::print(stderr, "koeval-runner: its memory cannot be locked; {}\n", koeval::kSwapRemedy);
    return 1;
  }
  stop_fd = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  koeval::runner::ServerOptions options;
  options.in_fd = TakeOver(in_fd);
  options.out_fd = TakeOver(out_fd);
  options.stop_fd = stop_fd;
  if (options.in_fd < 0 || options.out_fd < 0 || stop_fd < 0) {
    fmt::print(stderr, "koeval-runner: descriptor {} or {} is not open\n", in_fd, out_fd);
    return 2;
  }
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGTERM, OnSignal);
  std::signal(SIGINT, OnSignal);
  options.load_engine = koeval::engine::LoadEngine;
  options.load_tokenizer = koeval::tokenizer::LoadTokenizer;
  return koeval::runner::Serve(options);
}
