// Notifications against a real datagram socket, and silence without one.
#include "common/base/systemd_notify.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <string>

namespace koeval {
namespace {

// Stands for the service manager; its address is in NOTIFY_SOCKET while it lives.
class Manager {
 public:
  // A name that starts with '@' is in the abstract name space, as in NOTIFY_SOCKET.
  explicit Manager(const std::string& name) : fd_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    name.copy(address.sun_path, sizeof address.sun_path - 1);
    if (name[0] == '@') address.sun_path[0] = '\0';
    const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
    EXPECT_EQ(::bind(fd_, reinterpret_cast<const sockaddr*>(&address), length), 0) << name;
    ::setenv("NOTIFY_SOCKET", name.c_str(), 1);
  }
  ~Manager() {
    ::unsetenv("NOTIFY_SOCKET");
    ::close(fd_);
  }
  Manager(const Manager&) = delete;
  Manager& operator=(const Manager&) = delete;

  // The next datagram, which must be there already; "nothing" otherwise.
  std::string Take() {
    char buffer[4096];
    const ssize_t size = ::recv(fd_, buffer, sizeof buffer, MSG_DONTWAIT);
    return size < 0 ? "nothing" : std::string(buffer, static_cast<size_t>(size));
  }

 private:
  const int fd_;
};

class SystemdNotifyTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "koeval-notify-XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  std::string folder_;
};

TEST_F(SystemdNotifyTest, EachCallIsOneDatagram) {
  Manager manager(folder_ + "/notify");
  EXPECT_TRUE(SystemdNotify("READY=1"));
  EXPECT_TRUE(SystemdNotify("STOPPING=1\nSTATUS=bye"));
  EXPECT_EQ(manager.Take(), "READY=1");
  EXPECT_EQ(manager.Take(), "STOPPING=1\nSTATUS=bye");
  EXPECT_EQ(manager.Take(), "nothing");
}

TEST_F(SystemdNotifyTest, AbstractSocketsWork) {
  Manager manager("@koeval-notify-test-" + std::to_string(::getpid()));
  EXPECT_TRUE(SystemdNotify("READY=1"));
  EXPECT_EQ(manager.Take(), "READY=1");
}

TEST_F(SystemdNotifyTest, StatusStaysOneLine) {
  Manager manager(folder_ + "/notify");
  EXPECT_TRUE(SystemdStatus("3 running\nMAINPID=1"));
  EXPECT_EQ(manager.Take(), "STATUS=3 running\\x0aMAINPID=1");
}

TEST_F(SystemdNotifyTest, ReloadingCarriesTheTimeOfNow) {
  Manager manager(folder_ + "/notify");
  EXPECT_TRUE(SystemdReloading());
  const std::string text = manager.Take();
  const std::string head = "RELOADING=1\nMONOTONIC_USEC=";
  ASSERT_TRUE(text.starts_with(head)) << text;
  EXPECT_GT(std::stoll(text.substr(head.size())), 0);
}

TEST_F(SystemdNotifyTest, WithoutAManagerNothingHappens) {
  ::unsetenv("NOTIFY_SOCKET");
  EXPECT_FALSE(SystemdNotify("READY=1"));
  for (const std::string& name : {std::string(), std::string("relative"), folder_ + "/nobody",
                                  std::string("/") + std::string(200, 'x')}) {
    ::setenv("NOTIFY_SOCKET", name.c_str(), 1);
    EXPECT_FALSE(SystemdNotify("READY=1")) << name;
  }
  ::unsetenv("NOTIFY_SOCKET");
}

// The manager's wishes are read once per process, so each case runs in a process of its own.
void ExpectWatchdogs(const char* usec, const std::string& pid, const std::string& expected,
                     const std::string& socket) {
  EXPECT_EXIT(
      {
        ::setenv("WATCHDOG_USEC", usec, 1);
        ::setenv("WATCHDOG_PID", pid == "mine" ? std::to_string(::getpid()).c_str() : pid.c_str(),
                 1);
        Manager manager(socket);
        SystemdWatchdog();
        SystemdWatchdog();
        SystemdWatchdog();
        const std::string first = manager.Take();
        const std::string second = manager.Take();
        std::_Exit(first == expected && second == "nothing" ? 0 : 1);
      },
      testing::ExitedWithCode(0), "");
}

TEST_F(SystemdNotifyTest, WatchdogSpeaksOncePerHalfInterval) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  ExpectWatchdogs("3600000000", "mine", "WATCHDOG=1", folder_ + "/a");
}

TEST_F(SystemdNotifyTest, WatchdogIsSilentWhenNobodyAsksThisProcess) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  ExpectWatchdogs("3600000000", "1", "nothing", folder_ + "/a");
  ExpectWatchdogs("0", "mine", "nothing", folder_ + "/b");
  ExpectWatchdogs("soon", "mine", "nothing", folder_ + "/c");
}

}  // namespace
}  // namespace koeval
