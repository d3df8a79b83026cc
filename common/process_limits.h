// What a program that dies leaves behind.
#ifndef LONGSHORE_COMMON_CORE_DUMPS_H_
#define LONGSHORE_COMMON_CORE_DUMPS_H_

namespace longshore {

// Keeps this process and those that it begins from leaving a core dump, which would hold keys and
// scripts. Who looks for an error raises the limit again: `prlimit --core=unlimited --pid PID`.
void ForbidCoreDumps();

}  // namespace longshore

#endif  // LONGSHORE_COMMON_CORE_DUMPS_H_
