// A private PostgreSQL server for a test, started by tools/lib/postgres.sh.
#ifndef LONGSHORE_COMMON_TESTING_POSTGRES_H_
#define LONGSHORE_COMMON_TESTING_POSTGRES_H_

#include <sys/types.h>

#include <string>

namespace longshore::testing {

// Runs from construction to destruction, on a free loopback port and in a directory of its own. It
// also ends when the test's process dies.
class Postgres {
 public:
  Postgres();
  ~Postgres();
  Postgres(const Postgres&) = delete;
  Postgres& operator=(const Postgres&) = delete;

  // Creates a database of this name and returns its URL.
  std::string CreateDatabase(const std::string& name);

 private:
  std::string directory_;
  int port_ = 0;
  pid_t pid_ = -1;
};

}  // namespace longshore::testing

#endif  // LONGSHORE_COMMON_TESTING_POSTGRES_H_
