// Keeps the memory of a process that holds private rows out of core files, debuggers and swap.
#pragma once

namespace koeval {

// No core file, no pipe to a core handler, no attaching and no reading of /proc/<pid>/mem by other
// processes of the same user. For this process until it executes another program. Once, before
// private rows come in. A build with AddressSanitizer can still be attached to.
void ForbidCoreDumps();

// Keeps every page that this process touches from now on in memory, where the limit of locked
// memory is unlimited (LimitMEMLOCK=infinity of a unit); true when it is so. Not for processes that
// hold a model.
bool LockMemory();

}  // namespace koeval
