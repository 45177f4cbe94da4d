// A runner that does what its arguments say, one after the other; for tests of the client side.
//
//   say:TEXT    writes TEXT and a newline      raw:TEXT   writes TEXT alone
//   read        reads one line                 read:TEXT  reads lines until one contains TEXT
//   log:TEXT    writes to stderr               alive:N    writes N alive frames, 20 ms apart
//   exit:N      exits                          raise:N    raises signal N
//   hang        waits for ever                 ignore:N   ignores signal N
//   quit        reads until a quit frame or the end, then exits 0
//   child       leaves a child that holds all pipes open
//   env         says each variable's name      fds        says how many descriptors are open
//   limits      says the core limit, the group leader and the out-of-memory score
#include <dirent.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iostream>
#include <string>

extern char** environ;

namespace {

std::string Frame(const std::string& text) {
  return R"({"type":"failed","ending":"INTERNAL","remedy":"","message":")" + text + "\"}";
}

void Say(const std::string& text) {
  std::cout << text << "\n" << std::flush;
}

// A wait without a clock: poll on nothing.
void Pause(int ms) {
  struct timeval wait {
    ms / 1000, (ms % 1000) * 1000
  };
  ::select(0, nullptr, nullptr, nullptr, &wait);
}

void ReadUntil(const std::string& wanted) {
  std::string line;
  while (std::getline(std::cin, line)) {
    if (line.find(wanted) != std::string::npos) return;
  }
}

void SayFds() {
  int count = 0;
  DIR* folder = ::opendir("/proc/self/fd");
  while (folder != nullptr && ::readdir(folder) != nullptr) ++count;
  Say(Frame(std::to_string(count - 3)));  // ".", ".." and the folder itself
}

void SayLimits() {
  struct rlimit core {};
  ::getrlimit(RLIMIT_CORE, &core);
  int score = 0;
  std::ifstream("/proc/self/oom_score_adj") >> score;
  Say(Frame("core=" + std::to_string(core.rlim_cur) +
            " leader=" + std::to_string(::getpgid(0) == ::getpid() ? 1 : 0) +
            " score=" + std::to_string(score)));
}

void Act(const std::string& verb, const std::string& value) {
  if (verb == "say") Say(value);
  if (verb == "raw") std::cout << value << std::flush;
  if (verb == "read") ReadUntil(value);
  if (verb == "log") std::cerr << value << "\n" << std::flush;
  for (int i = 0; verb == "alive" && i < std::stoi(value); ++i) {
    Say(R"({"type":"alive"})");
    Pause(20);
  }
  if (verb == "exit") ::_exit(std::stoi(value));
  if (verb == "raise") {
    ::signal(std::stoi(value), SIG_DFL);  // a sanitizer would make an exit of it
    ::raise(std::stoi(value));
  }
  while (verb == "hang") ::pause();
  if (verb == "ignore") std::signal(std::stoi(value), SIG_IGN);
  if (verb == "quit") {
    ReadUntil("\"quit\"");
    ::_exit(0);
  }
  if (verb == "child" && ::fork() == 0) {
    while (true) ::pause();
  }
  for (char** entry = environ; verb == "env" && *entry != nullptr; ++entry) {
    Say(Frame(std::string(*entry, std::strcspn(*entry, "="))));
  }
  if (verb == "fds") SayFds();
  if (verb == "limits") SayLimits();
}

}  // namespace

int main(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    const std::string action = argv[i];
    const size_t colon = action.find(':');
    Act(action.substr(0, colon), colon == std::string::npos ? "" : action.substr(colon + 1));
  }
  return 0;
}
