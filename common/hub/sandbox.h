// What a process that parses strangers' files gives up before it opens the first one.
#pragma once

namespace koeval::hub {

// No sockets, no programs, no other process's memory, for this process and for good: such calls
// fail with EPERM (a seccomp filter over PR_SET_NO_NEW_PRIVS). Reading files goes on. Returns false
// where the kernel or the machine's kind does not allow filters; the other limits hold then.
// Single-threaded processes only.
bool GiveUpNetworkAndPrograms();

}  // namespace koeval::hub
