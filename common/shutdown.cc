#include "common/shutdown.h"

#include <pthread.h>
#include <unistd.h>

namespace longshore {

ShutdownSignals::ShutdownSignals() {
  signal(SIGPIPE, SIG_IGN);
  sigemptyset(&signals_);
  sigaddset(&signals_, SIGTERM);
  sigaddset(&signals_, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals_, nullptr);
}

int ShutdownSignals::Wait() {
  int signal = 0;
  while (sigwait(&signals_, &signal) != 0) {
  }
  return signal;
}

int ShutdownSignals::WaitFor(std::chrono::milliseconds limit) {
  timespec time = {.tv_sec = limit.count() / 1000, .tv_nsec = limit.count() % 1000 * 1000000};
  const int signal = sigtimedwait(&signals_, nullptr, &time);
  return signal > 0 ? signal : 0;
}

void ShutdownSignals::ExitAfter(std::chrono::seconds limit) {
  signal(SIGALRM, [](int) {
    constexpr char kWords[] = "not drained in time; leaving\n";
    if (write(STDERR_FILENO, kWords, sizeof(kWords) - 1) < 0) _exit(1);
    _exit(1);
  });
  alarm(static_cast<unsigned>(limit.count()));
}

}  // namespace longshore
