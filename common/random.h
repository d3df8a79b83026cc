// Random values that cannot be predicted.
#ifndef LONGSHORE_COMMON_RANDOM_H_
#define LONGSHORE_COMMON_RANDOM_H_

#include <string>

namespace longshore {

// Returns `bytes` random bytes from the kernel (getentropy), at most 256, as twice as many
// hexadecimal digits. Ends the process when the kernel has none.
std::string RandomHex(int bytes);

// Returns a new id for a run: 128 bits, so two ids are never the same.
inline std::string RandomRunId() { return RandomHex(16); }

}  // namespace longshore

#endif  // LONGSHORE_COMMON_RANDOM_H_
