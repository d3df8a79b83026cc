// What every fuzz target has besides LLVMFuzzerTestOneInput.
#ifndef LONGSHORE_TESTS_FUZZ_SEEDS_H_
#define LONGSHORE_TESTS_FUZZ_SEEDS_H_

#include <string>
#include <vector>

namespace longshore::fuzz {

// Returns inputs to begin with: well-formed ones of each kind. Each target defines this function.
std::vector<std::string> Seeds();

}  // namespace longshore::fuzz

// Checks what a fuzz target claims about every input. Ends the process when `condition` does not
// hold.
#define FUZZ_CHECK(condition)                                         \
  do {                                                                \
    if (!(condition)) {                                               \
      fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
      abort();                                                        \
    }                                                                 \
  } while (false)

#endif  // LONGSHORE_TESTS_FUZZ_SEEDS_H_
