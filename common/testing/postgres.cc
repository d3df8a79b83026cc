#include "common/testing/postgres.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <stdexcept>

namespace longshore::testing {
namespace {

constexpr char kScript[] = "tools/lib/postgres.sh";

int FreePort() {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  // Without a port, port 0 is returned, and PostgreSQL says that it cannot listen.
  if (bind(fd, reinterpret_cast<sockaddr*>(&address), size) == 0) {
    getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
  }
  close(fd);
  return ntohs(address.sin_port);
}

void Run(const std::string& command) {
  if (system(command.c_str()) != 0) throw std::runtime_error("failed: " + command);
}

}  // namespace

Postgres::Postgres() : port_(FreePort()) {
  char name[] = "/tmp/longshore-postgres-XXXXXX";
  directory_ = mkdtemp(name);
  chmod(directory_.c_str(), 0755);
  Run(std::string(kScript) + " init " + directory_ + " cached");
  const std::string port = std::to_string(port_);
  pid_ = fork();
  if (pid_ == 0) {
    prctl(PR_SET_PDEATHSIG, SIGQUIT);
    const int log = open((directory_ + "/log").c_str(), O_WRONLY | O_CREAT, 0600);
    dup2(log, 1);
    dup2(log, 2);
    execl(kScript, kScript, "run", directory_.c_str(), port.c_str(), nullptr);
    _exit(127);
  }
  Run("for i in $(seq 600); do psql -h 127.0.0.1 -p " + port +
      " -U longshore -d postgres -c 'SELECT 1' >/dev/null 2>&1 && exit 0; sleep 0.1; done; exit 1");
}

Postgres::~Postgres() {
  kill(pid_, SIGQUIT);
  waitpid(pid_, nullptr, 0);
  std::error_code ignored;
  std::filesystem::remove_all(directory_, ignored);
}

std::string Postgres::CreateDatabase(const std::string& name) {
  const std::string base = "postgresql://longshore@127.0.0.1:" + std::to_string(port_) + "/";
  Run("psql -q -X -c 'CREATE DATABASE " + name + "' " + base + "postgres >/dev/null");
  return base + name;
}

}  // namespace longshore::testing
