// How long an export of many small files takes: a sync for each file, and a batch at a time.
//
//   export_bench [FILES]    default 20000; writes below the temporary folder ($TMPDIR)
#include <fmt/core.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "common/base/file.h"
#include "scheduler/board/board_folder.h"
#include "tests/common/temp_folder.h"

namespace koeval::board {
namespace {

constexpr size_t kFileBytes = 350;  // as the leaderboard's request files have
constexpr int kOrganisations = 500;

std::string PathOf(int i) {
  return fmt::format("org-{}/model-{}_eval_request_False_float16_Original.json", i % kOrganisations,
                     i);
}

// Seconds of writing `files` files, each by `write` with its path and text; then `end`.
template <typename Write, typename End>
double Measure(int files, const Write& write, const End& end) {
  const std::string text(kFileBytes, 'x');
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < files; ++i) write(PathOf(i), text);
  end();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

void Print(const char* how, int files, double seconds) {
  fmt::print("{:<12} {:>7} files {:>8.2f} s {:>8.3f} ms a file\n", how, files, seconds,
             seconds * 1e3 / files);
}

void Must(const Status& status) {
  if (status.ok()) return;
  fmt::print(stderr, "export_bench: {}\n", status.message());
  std::exit(1);
}

void Run(int files) {
  const TempFolder folder;
  const auto one_by_one = [&folder](const std::string& path, const std::string& text) {
    const std::filesystem::path place = std::filesystem::path(folder.File("each")) / path;
    std::filesystem::create_directories(place.parent_path());
    Must(WriteFileAtomically(place.string(), text));
  };
  Print("one by one", files, Measure(files, one_by_one, [] {}));

  BoardWriter writer(folder.File("batched"));
  const auto flush = [&writer] { Must(writer.Flush().status()); };
  const auto batched = [&](const std::string& path, const std::string& text) {
    Must(writer.Add(path, text).status());
    if (writer.full()) flush();
  };
  Print("in batches", files, Measure(files, batched, flush));
  Print("unchanged", files, Measure(files, batched, flush));
}

}  // namespace
}  // namespace koeval::board

int main(int argc, char** argv) {
  koeval::board::Run(argc > 1 ? std::atoi(argv[1]) : 20'000);
  return 0;
}
