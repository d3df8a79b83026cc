// What a hostile instance does otherwise than a right one. Each behaviour of behaviours.cc changes
// one thing of it.
#ifndef LONGSHORE_TESTS_HOSTILE_LIES_H_
#define LONGSHORE_TESTS_HOSTILE_LIES_H_

#include <libssh/libssh.h>
#include <libssh/sftp.h>

#include <functional>
#include <string>

namespace longshore::hostile {

class Runner;

// The moments of a connection at which it may be closed.
enum class Moment {
  kAccepted,
  kKeysExchanged,
  kLoggedIn,
  kFileOpened,
  kFileWritten,
  kExecuted,
  kReady,
  kToldToGo,
  kRunning,
  kPrinting,
  kPrinted,
  kEnded,
};

struct Lies {
  // Takes the place of SSH on the socket of a connection.
  std::function<void(int fd)> instead_of_ssh;
  // Called at each moment, with the number of the connection, which begins with 0.
  std::function<void(Moment moment, int connection)> at = [](Moment, int) {};
  // What SFTP says that "." is.
  std::string home = "/root";
  // Answers a request of SFTP; false: it is to be answered rightly.
  std::function<bool(sftp_client_message request)> sftp = [](sftp_client_message) { return false; };
  // Takes the place of what the runner says until it has put the script in its place, or follows
  // it.
  std::function<void(Runner* runner)> start;
  // Takes the place of what it says of the run from "running" to "end".
  std::function<void(Runner* runner)> run;
  // Whether the runner obeys a command of its standard input, such as "clean".
  bool obeys = true;
};

}  // namespace longshore::hostile

#endif  // LONGSHORE_TESTS_HOSTILE_LIES_H_
