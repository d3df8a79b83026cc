// What the checks find.
#ifndef LONGSHORE_VERIFY_VIOLATION_H_
#define LONGSHORE_VERIFY_VIOLATION_H_

#include <string>

namespace longshore::verify {

// A promise of docs/guarantees.md that does not hold.
struct Violation {
  int invariant = 0;  // Its number there, 1 to 10.
  std::string check;  // What was checked, in words.
  // What it was found at, for example "payload 7", "task 3" or "instance 2".
  std::string subject;
  std::string detail;  // What is wrong with it.
};

}  // namespace longshore::verify

#endif  // LONGSHORE_VERIFY_VIOLATION_H_
