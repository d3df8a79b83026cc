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

// The behaviours of the connection, those of SFTP, and those of what is said about the run.
std::span<const Behaviour> LinkBehaviours();
std::span<const Behaviour> SftpBehaviours();
std::span<const Behaviour> RunBehaviours();

// Returns the behaviour of that name, or null when there is none.
const Behaviour* FindBehaviour(std::string_view name);

// Longer than any text of an instance may be.
constexpr size_t kLong = 20000;

// Returns text without any valid UTF-8 part, with control characters and a sequence that sets a
// terminal's clipboard.
std::string Garbage(size_t size);

}  // namespace longshore::hostile

#endif  // LONGSHORE_TESTS_HOSTILE_BEHAVIOURS_H_
