// The service manager's notification protocol: READY, STATUS, RELOADING, WATCHDOG, STOPPING.
#pragma once

#include <string_view>

namespace koeval {

// Sends `state` ("READY=1", "STATUS=...", one variable per line) to $NOTIFY_SOCKET. Does nothing,
// and returns false, when there is no service manager. Any thread.
bool SystemdNotify(std::string_view state);

// Sends `text` as the line that "systemctl status" shows. Any thread.
bool SystemdStatus(std::string_view text);

// Says that the configuration is read again; READY=1 must follow. Any thread.
bool SystemdReloading();

// Sends "WATCHDOG=1" when the service manager asked for it ($WATCHDOG_USEC, $WATCHDOG_PID) and half
// of its interval has passed since the last one. Call it often, from the loop whose life it proves;
// one thread.
void SystemdWatchdog();

}  // namespace koeval
