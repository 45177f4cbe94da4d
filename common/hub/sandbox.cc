// The seccomp filter, as a program of the kernel's packet filter.
#include "common/hub/sandbox.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include <array>
#include <cstddef>
#include <vector>

namespace koeval::hub {
namespace {

#if defined(__x86_64__)
constexpr unsigned kMachine = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr unsigned kMachine = AUDIT_ARCH_AARCH64;
#else
constexpr unsigned kMachine = 0;
#endif

constexpr std::array kDenied = {SYS_socket,
                                SYS_socketpair,
                                SYS_connect,
                                SYS_bind,
                                SYS_sendto,
                                SYS_sendmsg,
                                SYS_execve,
                                SYS_execveat,
                                SYS_ptrace,
                                SYS_process_vm_readv,
                                SYS_process_vm_writev,
                                SYS_kill};

sock_filter Load(size_t offset) {
  return BPF_STMT(BPF_LD | BPF_W | BPF_ABS, static_cast<unsigned>(offset));
}

sock_filter Return(unsigned what) {
  return BPF_STMT(BPF_RET | BPF_K, what);
}

// Skips one step when the loaded number is `value`, and none otherwise; or the other way round.
sock_filter SkipIf(unsigned value) {
  return BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 1, 0);
}
sock_filter SkipUnless(unsigned value) {
  return BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, 1);
}

std::vector<sock_filter> Program() {
  const unsigned refuse = SECCOMP_RET_ERRNO | (EPERM & SECCOMP_RET_DATA);
  std::vector<sock_filter> out = {Load(offsetof(seccomp_data, arch)), SkipIf(kMachine),
                                  Return(refuse), Load(offsetof(seccomp_data, nr))};
  for (const long call : kDenied) {
    out.push_back(SkipUnless(static_cast<unsigned>(call)));
    out.push_back(Return(refuse));
  }
  out.push_back(Return(SECCOMP_RET_ALLOW));
  return out;
}

}  // namespace

bool GiveUpNetworkAndPrograms() {
  if (kMachine == 0 || ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return false;
  std::vector<sock_filter> steps = Program();
  sock_fprog program{static_cast<unsigned short>(steps.size()), steps.data()};
  return ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) == 0;
}

}  // namespace koeval::hub
