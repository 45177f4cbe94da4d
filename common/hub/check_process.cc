// koeval-check as a child process.
#include "common/hub/check_process.h"

#include <fmt/core.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <utility>
#include <vector>

#include "common/base/json.h"
#include "common/base/log.h"

namespace koeval::hub {
namespace {

namespace fs = std::filesystem;

constexpr const char* kFolderPrefix = "check-";
constexpr int kReportDepthMax = 16;

CheckReport Failed(Ending ending, std::string message, std::string remedy) {
  CheckReport report;
  report.Add(ending, true, std::move(message), std::move(remedy));
  report.EndStep("checks", 0, "");
  return report;
}

std::string LastLine(std::string_view text) {
  while (!text.empty() && text.back() == '\n') text.remove_suffix(1);
  const size_t start = text.rfind('\n');
  return LogSafe(start == std::string_view::npos ? text : text.substr(start + 1));
}

std::vector<std::string> CommandLine(const CheckProcess& process, const std::string& dir,
                                     const CheckWish& wish) {
  std::vector<std::string> command = {process.binary, "--json", "--precision", wish.precision};
  if (!wish.model.empty()) command.push_back("--model=" + wish.model);
  if (wish.weight_type != "Original") command.push_back("--weight-type=" + wish.weight_type);
  if (!process.policy_file.empty()) command.push_back("--policy=" + process.policy_file);
  if (wish.chat_template) {
    command.push_back("--chat-template=" +
                      (wish.chat_template->empty() ? "default" : *wish.chat_template));
  }
  command.push_back(dir);
  return command;
}

Result<CheckReport> ReadReport(const CheckProcess& process, const ChildOutcome& outcome) {
  const auto refuse = [&](const Status& status) {
    return Internal(fmt::format("{} ended with status {} and gave no report ({}): {}",
                                process.binary, outcome.code, status.message(),
                                LastLine(outcome.err)));
  };
  const auto json = ParseJson(
      outcome.out, {.depth_max = kReportDepthMax, .bytes_max = process.limits.output_max});
  if (!json.ok()) return refuse(json.status());
  auto report = ParseReport(*json);
  if (!report.ok()) return refuse(report.status());
  return report;
}

// A folder that goes away with this object.
class ScratchFolder {
 public:
  static Result<std::string> Make(const std::string& below) {
    std::error_code error;
    if (fs::create_directories(below, error)) ::chmod(below.c_str(), 0700);
    std::string path = below + "/" + kFolderPrefix + "XXXXXX";
    if (::mkdtemp(path.data()) == nullptr) {
      const std::string text =
          fmt::format("cannot make a folder below {}: {}", below, std::strerror(errno));
      return errno == ENOSPC ? ResourceExhausted(text) : Unavailable(text);
    }
    return path;
  }
  explicit ScratchFolder(std::string path) : path_(std::move(path)) {}
  ~ScratchFolder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  const std::string& path() const { return path_; }

 private:
  const std::string path_;
};

}  // namespace

Result<CheckReport> CheckFolder(const CheckProcess& process, const std::string& dir,
                                const CheckWish& wish, const Clock& clock,
                                const std::atomic<bool>& stop) {
  ASSIGN_OR_RETURN(const ChildOutcome outcome,
                   RunChild(CommandLine(process, dir, wish), process.limits, clock, stop));
  switch (outcome.end) {
    case ChildEnd::kStopped:
      return Status(Code::kCancelled, "the scheduler stops");
    case ChildEnd::kTimedOut:
      return Failed(
          Ending::kTimedOut,
          fmt::format("the check took longer than {}", FormatDuration(process.limits.time_ms)),
          "See whether the files are whole and on a fast disk, then retry.");
    case ChildEnd::kOutputTooLarge:
      return Failed(Ending::kBadCheckpoint,
                    "the check of these files gave more output than is allowed",
                    "Check the files with `koeval check`.");
    case ChildEnd::kSignalled:
      return Failed(Ending::kBadCheckpoint,
                    fmt::format("the check of these files ended with signal {}", outcome.code),
                    "The files are damaged or need more memory than a check may use; check them "
                    "with `koeval check`.");
    case ChildEnd::kExited:
      break;
  }
  return ReadReport(process, outcome);
}

Result<CheckReport> CheckRepository(const CheckProcess& process, const Repository& repository,
                                    const std::string& scratch, const CheckWish& wish,
                                    const Clock& clock, const std::atomic<bool>& stop,
                                    const AfterCheck& after) {
  ASSIGN_OR_RETURN(const std::string made, ScratchFolder::Make(scratch));
  const ScratchFolder folder(made);
  auto staged = StageRepository(repository, folder.path());
  if (!staged.ok()) {
    if (staged.status().code() == Code::kResourceExhausted) return staged.status();
    return OpenFailed(repository.info().id, repository.info().commit, staged.status());
  }
  CheckReport report = *std::move(staged);
  ASSIGN_OR_RETURN(CheckReport found, CheckFolder(process, folder.path(), wish, clock, stop));
  report.Append(std::move(found));
  if (report.ok() && after) after(folder.path(), report);
  return report;
}

void ClearScratch(const std::string& scratch) {
  std::error_code error;
  std::vector<fs::path> left;
  for (fs::directory_iterator at(scratch, error), end; !error && at != end; at.increment(error)) {
    if (at->path().filename().string().starts_with(kFolderPrefix)) left.push_back(at->path());
  }
  for (const fs::path& path : left) fs::remove_all(path, error);
}

}  // namespace koeval::hub
