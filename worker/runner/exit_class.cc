// Exit status or signal, last frame and last log line to an ending.
#include "worker/runner/exit_class.h"

#include <fmt/core.h>
#include <sys/wait.h>

#include <charconv>
#include <csignal>
#include <cstring>
#include <string_view>

#include "common/base/log.h"

namespace koeval::runner {
namespace {

constexpr size_t kLogLineBytesMax = 300;

std::string SignalName(int signal) {
  const char* name = ::sigabbrev_np(signal);
  return name == nullptr ? fmt::format("signal {}", signal) : fmt::format("SIG{}", name);
}

// The last line that is not blank, made safe for a message.
std::string LastLine(std::string_view log) {
  while (!log.empty() && (log.back() == '\n' || log.back() == ' ')) log.remove_suffix(1);
  const size_t start = log.rfind('\n');
  if (start != std::string_view::npos) log.remove_prefix(start + 1);
  return LogSafe(log.substr(0, kLogLineBytesMax));
}

}  // namespace

RunnerExit ClassifyExit(const ExitFacts& facts) {
  RunnerExit out;
  out.asked = facts.asked;
  out.log_tail = facts.log_tail;
  if (WIFSIGNALED(facts.wait_status)) {
    out.signal = WTERMSIG(facts.wait_status);
    out.message = "killed by " + SignalName(out.signal);
  } else {
    out.exit_status = WEXITSTATUS(facts.wait_status);
    out.message = fmt::format("exit status {}", out.exit_status);
  }
  if (facts.asked && (out.exit_status == 0 || out.signal == SIGKILL || out.signal == SIGTERM)) {
    out.ending = out.exit_status == 0 ? Ending::kFinished : Ending::kCancelled;
    out.message += ", as asked";
    return out;
  }
  const bool allocation_failed = facts.log_tail.find("std::bad_alloc") != std::string::npos;
  if ((out.signal == SIGKILL && facts.oom_kills_rose) ||
      (out.signal == SIGABRT && allocation_failed)) {
    out.ending = Ending::kOutOfMemory;
    out.message += ", because the node ran out of memory";
  } else if (facts.last_failure && out.exit_status > 0) {
    out.ending = *facts.last_failure;
  } else {
    out.ending = Ending::kRunnerCrashed;
  }
  const std::string line = LastLine(facts.log_tail);
  if (!line.empty()) out.message += fmt::format("; its log ends with \"{}\"", line);
  return out;
}

std::optional<int64_t> OomKills(const std::string& vmstat) {
  constexpr std::string_view kName = "oom_kill ";
  size_t at = vmstat.find(kName);
  while (at != std::string::npos && at > 0 && vmstat[at - 1] != '\n') {
    at = vmstat.find(kName, at + 1);
  }
  if (at == std::string::npos) return std::nullopt;
  int64_t value = 0;
  const char* first = vmstat.data() + at + kName.size();
  const auto read = std::from_chars(first, vmstat.data() + vmstat.size(), value);
  return read.ec == std::errc() ? std::optional(value) : std::nullopt;
}

}  // namespace koeval::runner
