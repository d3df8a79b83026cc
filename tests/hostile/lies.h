// How a hostile instance differs from a right one. Each behaviour of behaviours.cc changes one
// thing.
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
  // Replaces SSH on the socket of a connection.
  std::function<void(int fd)> instead_of_ssh;
  // Called at each moment, with the number of the connection, which counts from 0.
  std::function<void(Moment moment, int connection)> at = [](Moment, int) {};
  // The answer of SFTP to what "." is.
  std::string home = "/root";
  // Answers a request of SFTP. Returns false when it is to be answered in the right way.
  std::function<bool(sftp_client_message request)> sftp = [](sftp_client_message) { return false; };
  // Replaces what the runner says until it has put the script in its place, or follows it.
  std::function<void(Runner* runner)> start;
  // Replaces what the runner says about the run, from "running" to "end".
  std::function<void(Runner* runner)> run;
  // Whether the runner obeys commands on its standard input, such as "clean".
  bool obeys = true;
};

}  // namespace longshore::hostile

#endif  // LONGSHORE_TESTS_HOSTILE_LIES_H_
