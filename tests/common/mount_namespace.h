// Work in a child process that has file systems of its own, for what a test cannot do to its own.
#pragma once

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <functional>
#include <string>

namespace koeval {

// What the child's body gave: "" when all was well, else what was not.
struct ChildResult {
  bool refused = false;  // the kernel gives this process no file system of its own
  std::string text;
};

namespace mount_namespace {

inline bool WriteOnce(const char* path, const std::string& text) {
  const int fd = ::open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return false;
  const bool done = ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  ::close(fd);
  return done;
}

// A mount namespace of its own, through a user namespace where this process is not root.
inline bool Enter() {
  const uid_t uid = ::geteuid();
  const gid_t gid = ::getegid();
  if (uid == 0) {
    if (::unshare(CLONE_NEWNS) != 0) return false;
  } else {
    if (::unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) return false;
    (void)WriteOnce("/proc/self/setgroups", "deny");
    if (!WriteOnce("/proc/self/uid_map", "0 " + std::to_string(uid) + " 1") ||
        !WriteOnce("/proc/self/gid_map", "0 " + std::to_string(gid) + " 1")) {
      return false;
    }
  }
  return ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0;
}

}  // namespace mount_namespace

// Runs `body` in a child process where `dir` is an empty file system of `size` ("1m"), which goes
// with the child. The body's text comes back. For a process without other threads: what they had
// locked stays locked in the child.
inline ChildResult OnSmallFileSystem(const std::string& dir, const std::string& size,
                                     const std::function<std::string()>& body) {
  constexpr int kRefused = 77;
  int pipe_ends[2] = {-1, -1};
  if (::pipe(pipe_ends) != 0) return {false, "no pipe"};
  const pid_t child = ::fork();
  if (child < 0) return {false, "no child"};
  if (child == 0) {
    ::close(pipe_ends[0]);
    const std::string options = "size=" + size;
    if (!mount_namespace::Enter() ||
        ::mount("none", dir.c_str(), "tmpfs", 0, options.c_str()) != 0) {
      ::_exit(kRefused);
    }
    const std::string text = body();
    (void)!::write(pipe_ends[1], text.data(), text.size());
    ::_exit(0);
  }
  ::close(pipe_ends[1]);
  ChildResult result;
  char buffer[4096];
  ssize_t n = 0;
  while ((n = ::read(pipe_ends[0], buffer, sizeof buffer)) > 0 || (n < 0 && errno == EINTR)) {
    if (n > 0) result.text.append(buffer, static_cast<size_t>(n));
  }
  ::close(pipe_ends[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  result.refused = WIFEXITED(status) && WEXITSTATUS(status) == kRefused;
  const bool ended = WIFEXITED(status) && WEXITSTATUS(status) == 0;
  if (!ended && !result.refused) result.text += " (the child crashed)";
  return result;
}

// From within the body: `dir` can be read only from now on.
inline bool MakeReadOnly(const std::string& dir) {
  return ::mount("none", dir.c_str(), "tmpfs", MS_REMOUNT | MS_RDONLY, nullptr) == 0;
}

}  // namespace koeval
