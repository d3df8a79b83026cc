// Randomness that nobody can foretell.
#ifndef LONGSHORE_COMMON_RANDOM_H_
#define LONGSHORE_COMMON_RANDOM_H_

#include <string>

namespace longshore {

// `bytes` random bytes of the kernel (getentropy), at most 256, as twice as many hexadecimal
// digits.
std::string RandomHex(int bytes);

// The id of a run: 128 bits. Two of them are never the same.
inline std::string RandomRunId() { return RandomHex(16); }

}  // namespace longshore

#endif  // LONGSHORE_COMMON_RANDOM_H_
