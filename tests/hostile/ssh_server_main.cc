// An instance that lies: an SSH server that lets everybody in, runs nothing, and says what
// --behaviour says.
#include <arpa/inet.h>
#include <gflags/gflags.h>
#include <libssh/libssh.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>

#include "tests/hostile/behaviours.h"
#include "tests/hostile/connection.h"
#include "tests/hostile/memory.h"

DEFINE_int32(port, 0, "Port of loopback to listen on.");
DEFINE_string(host_key, "", "File with the private host key.");
DEFINE_string(behaviour, "right",
              "What it does otherwise than a right instance; see behaviours.cc.");

namespace longshore::hostile {
namespace {

int Listen(int port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(static_cast<uint16_t>(port))};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0 ||
      listen(fd, 512) != 0) {
    perror("listen");
    return -1;
  }
  return fd;
}

int Main() {
  const Behaviour* behaviour = FindBehaviour(FLAGS_behaviour);
  if (behaviour == nullptr) {
    fprintf(stderr, "no behaviour '%s'\n", FLAGS_behaviour.c_str());
    return 1;
  }
  Lies lies;
  behaviour->change(&lies);
  Memory* memory = Memory::Create();
  const int listener = Listen(FLAGS_port);
  if (listener < 0) return 1;
  puts("listening");
  fflush(stdout);
  signal(SIGCHLD, SIG_IGN);
  signal(SIGPIPE, SIG_IGN);
  // A process a connection, so that one that is stuck on purpose holds up no other.
  while (true) {
    const int fd = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) continue;
    if (fork() == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      close(listener);
      ssh_init();
      ServeConnection(lies, memory, FLAGS_host_key, fd);
      _exit(0);
    }
    close(fd);
  }
}

}  // namespace
}  // namespace longshore::hostile

int main(int argc, char** argv) {
  gflags::ParseCommandLineFlags(&argc, &argv, true);
  return longshore::hostile::Main();
}
