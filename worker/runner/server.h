// The runner's side of the protocol, over any engine: loads, plans, runs, answers.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "common/base/clock.h"
#include "common/base/status.h"
#include "common/tokenizer/tokenizer.h"
#include "worker/engine/engine.h"
#include "worker/plan/plan.h"

namespace koeval::runner {

inline constexpr int64_t kMaxLengthFallback = 2048;  // when neither model nor tokenizer names one
inline constexpr size_t kCommandsWaitingMax = 20'000;
inline constexpr size_t kJobsMax = 64;

using EngineFactory =
    std::function<Result<std::unique_ptr<engine::Engine>>(const engine::LoadOptions&)>;
using TokenizerFactory = std::function<Result<std::unique_ptr<tokenizer::Tokenizer>>(
    const std::string& model_dir, const tokenizer::LoadOptions&)>;

struct ServerOptions {
  int in_fd = 0;
  int out_fd = 1;
  // An eventfd. Writing to it ends the server after the batch in flight; safe in a signal handler.
  int stop_fd = -1;
  int64_t alive_ms = 1'000;
  plan::Limits limits;
  EngineFactory load_engine;
  TokenizerFactory load_tokenizer;
  const Clock* clock = &Clock::Real();
};

// Serves until Quit, the end of the input, or stop_fd. The end of a pipe means that the parent has
// died: the batch in flight is finished, nothing else is begun. The end of a regular file means
// that the work is complete: everything before it is done first. Returns the exit status: 0, or 1
// when the device is broken or frames can no longer be read or written.
int Serve(const ServerOptions& options);

}  // namespace koeval::runner
