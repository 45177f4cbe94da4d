// Keeps the memory of a process that holds private rows out of core files, debuggers and swap.
//
// Swap is the disk that a process does not see: what it holds in memory may be written there while
// the machine is short of it, and stays there when the process is gone. Three things rule that out:
// a machine without swap, a control group that forbids it (MemorySwapMax=0 of a unit, on the
// process's own group or one above), and locked memory. std::string and the tensors of a model lie
// in one heap, so that private texts alone cannot be locked: everything is, page by page as it is
// touched (MCL_ONFAULT), since address space that a device driver sets aside is never touched.
//
// Weights: maps of files (file.h) are exempt. Their pages are read again from the file when memory
// is short, and never go to swap; locked, they could not be given up, and loading a model larger
// than the memory beside them would end in an out-of-memory kill. Weights that were copied to the
// heap are locked like the texts: a machine that would have to swap them is too small for the
// model. Locked pages count as used memory for the group's limit (MemoryMax), as they did before.
#pragma once

#include <string>
#include <vector>

namespace koeval {

// No core file, no pipe to a core handler, no attaching and no reading of /proc/<pid>/mem by other
// processes of the same user. For this process until it executes another program. Once, before
// private rows come in. A build with AddressSanitizer can still be attached to.
void ForbidCoreDumps();

// Keeps every page that this process touches from now on, but those of mapped files, in memory,
// where the limit of locked memory is unlimited (LimitMEMLOCK=infinity of a unit); true when it is
// so. Not inherited by children.
bool LockMemory();

// What the kernel says about swap.
struct SwapFacts {
  std::string swaps;  // /proc/swaps
  std::vector<std::string>
      maxima;  // memory.swap.max of the process's control group and those above
};
// Those of this process. What cannot be read is left out.
SwapFacts ReadSwapFacts();

// Whether memory that is not locked may be written to swap: some is in use, also where it lies in
// compressed memory (zram), which may be written on, and no control group forbids it.
bool MayBeSwapped(const SwapFacts& facts);

// What an operator can do where it may.
inline constexpr const char* kSwapRemedy =
    "start it by a unit with MemorySwapMax=0, raise the limit of locked memory to unlimited "
    "(LimitMEMLOCK=infinity, ulimit -l unlimited), or switch swap off (swapoff -a)";

}  // namespace koeval
