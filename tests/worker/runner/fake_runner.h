// Options that start the scripted runner, and the frames that scripts are made of.
#pragma once

#include <initializer_list>
#include <string>

#include "worker/runner/messages.h"
#include "worker/runner/process.h"

namespace koeval::runner {

inline SpawnOptions Script(std::initializer_list<std::string> actions) {
  SpawnOptions options;
  options.binary = KOEVAL_FAKE_RUNNER;
  options.arguments = actions;
  return options;
}

// "say:" with a frame.
inline std::string Say(const RunnerFrame& frame) {
  std::string text = "say:" + FormatFrame(frame);
  text.pop_back();
  return text;
}

inline std::string SayReady() {
  return Say(ReadyFrame{.protocol = kProtocol, .pid = 1, .version = "0.1.0"});
}

}  // namespace koeval::runner
