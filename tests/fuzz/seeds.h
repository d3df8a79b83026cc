// What every fuzz target has besides LLVMFuzzerTestOneInput.
#ifndef LONGSHORE_TESTS_FUZZ_SEEDS_H_
#define LONGSHORE_TESTS_FUZZ_SEEDS_H_

#include <string>
#include <vector>

namespace longshore::fuzz {

// Inputs to begin with, defined by each target: well-formed ones of each kind.
std::vector<std::string> Seeds();

}  // namespace longshore::fuzz

// Ends the process when `condition` does not hold; what a fuzz target claims about every input.
#define FUZZ_CHECK(condition)                                         \
  do {                                                                \
    if (!(condition)) {                                               \
      fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
      abort();                                                        \
    }                                                                 \
  } while (false)

#endif  // LONGSHORE_TESTS_FUZZ_SEEDS_H_
