#include "common/fail_point.h"

#include <signal.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <string>

namespace longshore {
namespace {

// Returns once the file is removed. Nobody may have it open here: an open file lives on.
void WaitUntilRemoved(const std::string& path) {
  const int fd = inotify_init1(IN_CLOEXEC);
  inotify_add_watch(fd, path.c_str(), IN_ATTRIB | IN_DELETE_SELF);  // ATTRIB: a link less.
  char events[4096];
  while (access(path.c_str(), F_OK) == 0 && read(fd, events, sizeof(events)) > 0) {
  }
  close(fd);
}

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
    file.close();
    WaitUntilRemoved(hit);
  } else if (action == "error") {
    return absl::UnavailableError("fail point " + std::string(name) + ":" + text);
  }
  return absl::OkStatus();
}

}  // namespace longshore
