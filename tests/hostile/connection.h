// One SSH connection to the hostile instance.
#ifndef LONGSHORE_TESTS_HOSTILE_CONNECTION_H_
#define LONGSHORE_TESTS_HOSTILE_CONNECTION_H_

#include <string>

#include "tests/hostile/lies.h"
#include "tests/hostile/memory.h"

namespace longshore::hostile {

// Serves the connection in a process of its own, and returns when that is over.
void ServeConnection(const Lies& lies, Memory* memory, const std::string& host_key, int fd);

}  // namespace longshore::hostile

#endif  // LONGSHORE_TESTS_HOSTILE_CONNECTION_H_
