#include "common/fail_point.h"

#ifdef LONGSHORE_FAIL_POINTS

#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <string>
#include <thread>

namespace longshore {
namespace {

// Looked at again so often by a thread that is held: the other side is a test in another process.
constexpr std::chrono::milliseconds kPoll{5};

}  // namespace

absl::Status HitFailPoint(const char* name) {
  static const char* directory = std::getenv("LONGSHORE_FAIL_POINTS");
  if (directory == nullptr) return absl::OkStatus();
  const std::string armed = std::string(directory) + "/" + name;
  const std::string hit = armed + ".hit";
  if (rename(armed.c_str(), hit.c_str()) != 0) return absl::OkStatus();
  std::string action;
  std::string text;
  std::ifstream file(hit);
  file >> action;
  std::getline(file, text);
  if (action == "crash") {
    kill(getpid(), SIGKILL);
  } else if (action == "stop") {
    kill(getpid(), SIGSTOP);
  } else if (action == "hold") {
    while (access(hit.c_str(), F_OK) == 0) std::this_thread::sleep_for(kPoll);
  } else if (action == "error") {
    return absl::UnavailableError("fail point " + std::string(name) + ":" + text);
  }
  return absl::OkStatus();
}

}  // namespace longshore

#endif  // LONGSHORE_FAIL_POINTS
