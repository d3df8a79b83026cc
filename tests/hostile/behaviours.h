// The ways in which the hostile instance lies, by name.
#ifndef LONGSHORE_TESTS_HOSTILE_BEHAVIOURS_H_
#define LONGSHORE_TESTS_HOSTILE_BEHAVIOURS_H_

#include <span>
#include <string>
#include <string_view>

#include "tests/hostile/lies.h"

namespace longshore::hostile {

struct Behaviour {
  const char* name;
  void (*change)(Lies* lies);
};

// Those of the connection, of SFTP, and of what is said of the run.
std::span<const Behaviour> LinkBehaviours();
std::span<const Behaviour> SftpBehaviours();
std::span<const Behaviour> RunBehaviours();

// Null when there is none of that name.
const Behaviour* FindBehaviour(std::string_view name);

// More than any text of an instance may be.
constexpr size_t kLong = 20000;

// Not UTF-8 in any part of it, with control characters and a sequence that sets a terminal's
// clipboard.
std::string Garbage(size_t size);

}  // namespace longshore::hostile

#endif  // LONGSHORE_TESTS_HOSTILE_BEHAVIOURS_H_
