// A private PostgreSQL for a test (tools/lib/postgres.sh).
#ifndef LONGSHORE_COMMON_TESTING_POSTGRES_H_
#define LONGSHORE_COMMON_TESTING_POSTGRES_H_

#include <sys/types.h>

#include <string>

namespace longshore::testing {

// Runs from construction to destruction, on a free port of loopback, in a directory of its own.
// Dies with the test's process.
class Postgres {
 public:
  Postgres();
  ~Postgres();
  Postgres(const Postgres&) = delete;
  Postgres& operator=(const Postgres&) = delete;

  // A database of the given name, made now.
  std::string CreateDatabase(const std::string& name);

 private:
  std::string directory_;
  int port_ = 0;
  pid_t pid_ = -1;
};

}  // namespace longshore::testing

#endif  // LONGSHORE_COMMON_TESTING_POSTGRES_H_
