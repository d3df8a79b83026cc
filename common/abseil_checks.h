// What Abseil checks while a program runs.
#ifndef LONGSHORE_COMMON_ABSEIL_CHECKS_H_
#define LONGSHORE_COMMON_ABSEIL_CHECKS_H_

namespace longshore {

// Debian builds Abseil with the checks of its developers: each lock that is taken while another is
// held is looked up in one graph for all threads, and an order that could end in a deadlock ends
// the program. Only gRPC's locks are Abseil's, Longshore's own are not (mutex.h), so this has that
// looking up left out. To be called before the first lock.
void SkipLockOrderChecks();

}  // namespace longshore

#endif  // LONGSHORE_COMMON_ABSEIL_CHECKS_H_
