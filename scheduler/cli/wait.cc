// The watch stream wakes; the request is read again after each change.
#include "scheduler/cli/wait.h"

#include <unistd.h>

#include <cstdio>

#include "common/base/clock.h"
#include "common/base/mutex.h"
#include "scheduler/cli/render.h"

namespace koeval::cli {
namespace {

constexpr int64_t kPatienceMs = 120'000;
constexpr int64_t kPauseMs = 500;

void Pause() {
  Mutex mutex;
  CondVar never;
  MutexLock lock(mutex);
  never.WaitFor(mutex, kPauseMs);
}

void Draw(const Shell& shell, const RequestView& request, bool last) {
  if (::isatty(STDERR_FILENO) == 1) {
    std::fprintf(stderr, "\r%s\x1b[K%s", RenderProgressLine(shell.terminal, request).c_str(),
                 last ? "\n" : "");
    std::fflush(stderr);
  }
}

}  // namespace

Result<RequestView> WaitForEnd(Client& client, const std::string& id, const Shell& shell) {
  const Clock& clock = Clock::Real();
  MonoTime answered = clock.Mono();
  while (true) {
    // The sequence number is read before the request, so that no change falls between the two.
    const auto queue = client.Queue();
    const auto got = queue.ok() ? client.Get(id) : queue.status();
    if (got.ok()) {
      const RequestView& request = got->first;
      Draw(shell, request, request.terminal());
      if (request.terminal()) return request;
      answered = clock.Mono();
      (void)client.Watch(queue->last_seq, id, [](const ChangeView&) { return false; });
    } else if (got.status().code() != Code::kUnavailable) {
      return got.status();
    } else {
      if (clock.Mono() - answered > kPatienceMs) return got.status();
      Pause();
    }
  }
}

}  // namespace koeval::cli
