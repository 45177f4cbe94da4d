// Frames over file descriptors: bounded reading of lines, whole writes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/base/clock.h"
#include "common/base/mutex.h"
#include "common/base/status.h"
#include "worker/runner/messages.h"

namespace koeval::runner {

// Splits what `fd` gives into lines. Works on pipes and regular files, blocking or not. Does not
// own `fd`. Used by one thread.
class LineReader {
 public:
  enum class Kind { kLine, kEnd, kNothing };
  struct Outcome {
    Kind kind = Kind::kNothing;
    std::string line;  // without the newline
  };

  explicit LineReader(int fd, size_t bytes_max = kFrameBytesMax);

  // The next line; kEnd at the end of the input; kNothing after `timeout_ms` without a whole line
  // (negative: waits for ever) or as soon as `wake_fd` (when >= 0) has something to read.
  // RESOURCE_EXHAUSTED: a line over the bound; DATA_LOSS: the input ends within a line;
  // UNAVAILABLE: reading failed. After an error the reader is of no more use.
  Result<Outcome> Next(int64_t timeout_ms, int wake_fd = -1);

  // Takes what can be read at once, without waiting; false when the input has ended. For callers
  // that poll by themselves; Pop gives the lines. Same errors as Next.
  Result<bool> Fill();
  // A whole line that was read, if there is one.
  bool Pop(std::string& line);
  // Bytes of a line that has no end yet.
  bool has_partial_line() const { return at_ < buffer_.size(); }

 private:
  const int fd_;
  const size_t bytes_max_;
  std::string buffer_;
  size_t at_ = 0;       // start of the first line that was not given out
  size_t scanned_ = 0;  // no newline in [at_, scanned_)
};

// Writes whole frames to `fd`, blocking or not. Does not own `fd`. Thread-safe.
class FrameWriter {
 public:
  explicit FrameWriter(int fd) : fd_(fd) {}

  // `line` ends in a newline. `timeout_ms` < 0 waits for ever. UNAVAILABLE: the reader is gone;
  // DEADLINE_EXCEEDED: it takes nothing. A frame that was cut short breaks the stream: later writes
  // fail too.
  Status Write(std::string_view line, int64_t timeout_ms = -1) EXCLUDES(mutex_);

 private:
  const int fd_;
  Mutex mutex_;
  bool broken_ GUARDED_BY(mutex_) = false;
};

}  // namespace koeval::runner
