#include "common/random.h"

#include <unistd.h>

#include <cstdlib>

#include "common/sha256.h"

namespace longshore {

std::string RandomHex(int bytes) {
  std::string random(static_cast<size_t>(bytes), '\0');
  // Fails only for more than 256 bytes, or on a kernel without it: nothing can go on without.
  if (getentropy(random.data(), random.size()) != 0) std::abort();
  return HexEncode(random);
}

}  // namespace longshore
