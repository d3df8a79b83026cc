// What the kernel lets this process do.
#ifndef LONGSHORE_COMMON_PROCESS_LIMITS_H_
#define LONGSHORE_COMMON_PROCESS_LIMITS_H_

#include <cstdint>

namespace longshore {

// Keeps this process and those that it begins from leaving a core dump, which would hold keys and
// scripts. Where the kernel hands it to a program (core_pattern), that program decides;
// systemd-coredump keeps to the limit. Who looks for an error raises the limit again: `prlimit
// --core=unlimited --pid PID`.
void ForbidCoreDumps();

// Lets this process have as many files and connections open as its hard limit allows; a shell's
// usual 1,024 are few. Returns how many that is.
int64_t RaiseFileLimit();

}  // namespace longshore

#endif  // LONGSHORE_COMMON_PROCESS_LIMITS_H_
