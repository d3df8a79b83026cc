#include "common/subprocess.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <utility>

#include "common/status_macros.h"

extern char** environ;

namespace longshore {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr size_t kMaxOutput = 64 * 1024;
constexpr int kRecordsDescriptor = 3;
constexpr int kReadsAtOnce = 16;

struct SpawnSettings {
  SpawnSettings() {
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
  }
  ~SpawnSettings() {
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
  }
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
};

std::vector<char*> Pointers(const std::vector<std::string>& words) {
  std::vector<char*> pointers;
  pointers.reserve(words.size() + 1);
  for (const std::string& word : words) pointers.push_back(const_cast<char*>(word.c_str()));
  return pointers;
}

// This process's environment with `changes` made to it, ended by a null pointer.
std::vector<char*> Environment(const std::vector<std::string>& changes) {
  std::vector<char*> environment = Pointers(changes);
  for (char** variable = environ; *variable != nullptr; ++variable) {
    const std::string_view name(*variable, std::strcspn(*variable, "=") + 1);
    const bool changed = std::any_of(changes.begin(), changes.end(), [&](const std::string& each) {
      return each.compare(0, name.size(), name) == 0;
    });
    if (!changed) environment.push_back(*variable);
  }
  environment.push_back(nullptr);
  return environment;
}

// Both ends, closed with it.
struct Pipe {
  Pipe() = default;
  ~Pipe() {
    if (read_end >= 0) close(read_end);
    if (write_end >= 0) close(write_end);
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;

  absl::Status Open() {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) {
      return absl::UnavailableError(std::string("pipe: ") + std::strerror(errno));
    }
    read_end = ends[0];
    write_end = ends[1];
    fcntl(read_end, F_SETFL, O_NONBLOCK);
    return absl::OkStatus();
  }
  int TakeReadEnd() { return std::exchange(read_end, -1); }

  int read_end = -1;
  int write_end = -1;
};

// Signals as a program expects them, whatever this process blocks.
absl::StatusOr<pid_t> Spawn(const ChildOptions& options, int output, int records) {
  SpawnSettings settings;
  posix_spawn_file_actions_addopen(&settings.actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&settings.actions, output, 1);
  posix_spawn_file_actions_adddup2(&settings.actions, output, 2);
  if (options.records) {
    posix_spawn_file_actions_adddup2(&settings.actions, records, kRecordsDescriptor);
  }
  posix_spawn_file_actions_addclosefrom_np(&settings.actions,
                                           kRecordsDescriptor + (options.records ? 1 : 0));
  sigset_t none;
  sigemptyset(&none);
  posix_spawnattr_setsigmask(&settings.attributes, &none);
  sigset_t defaults;
  sigfillset(&defaults);
  posix_spawnattr_setsigdefault(&settings.attributes, &defaults);
  posix_spawnattr_setpgroup(&settings.attributes, 0);
  posix_spawnattr_setflags(&settings.attributes,
                           POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
  std::vector<char*> arguments = Pointers(options.words);
  arguments.push_back(nullptr);
  std::vector<char*> environment = Environment(options.environment);
  pid_t pid = 0;
  const int error = posix_spawnp(&pid, arguments[0], &settings.actions, &settings.attributes,
                                 arguments.data(), environment.data());
  if (error == 0) return pid;
  return absl::UnavailableError("cannot start " + options.words[0] + ": " + std::strerror(error));
}

}  // namespace

absl::StatusOr<std::unique_ptr<ChildProcess>> ChildProcess::Start(const ChildOptions& options) {
  Pipe output;
  Pipe records;
  RETURN_IF_ERROR(output.Open());
  if (options.records) RETURN_IF_ERROR(records.Open());
  ASSIGN_OR_RETURN(const pid_t pid, Spawn(options, output.write_end, records.write_end));
  // Not reaped by anybody else, so the number is still its own.
  const int pid_fd = static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
  return std::unique_ptr<ChildProcess>(
      new ChildProcess(pid, pid_fd, output.TakeReadEnd(), records.TakeReadEnd()));
}

ChildProcess::ChildProcess(pid_t pid, int pid_fd, int output, int records)
    : pid_(pid), pid_fd_(pid_fd), output_(output), records_(records) {}

ChildProcess::~ChildProcess() {
  Kill();
  Wait();
  for (int fd : {pid_fd_, output_, records_}) {
    if (fd >= 0) close(fd);
  }
}

void ChildProcess::Drain(int* fd, std::string* text) {
  char buffer[16384];
  // Not for ever: somebody may write faster than this reads.
  for (int i = 0; i < kReadsAtOnce && *fd >= 0; ++i) {
    const ssize_t count = read(*fd, buffer, sizeof(buffer));
    if (count > 0) {
      if (text != nullptr) text->append(buffer, count);
    } else if (count == 0) {
      close(*fd);
      *fd = -1;
    } else if (errno != EINTR) {
      return;
    }
  }
}

bool ChildProcess::Read(milliseconds limit, std::string* output, std::string* records) {
  // The end of the program itself is news once only.
  pollfd ready[] = {{.fd = output_, .events = POLLIN, .revents = 0},
                    {.fd = records_, .events = POLLIN, .revents = 0},
                    {.fd = HasEnded() ? -1 : pid_fd_, .events = POLLIN, .revents = 0}};
  poll(ready, std::size(ready), static_cast<int>(limit.count()));
  Drain(&output_, output);
  Drain(&records_, records);
  return output_ >= 0 || records_ >= 0;
}

bool ChildProcess::HasEnded() const {
  if (reaped_) return true;
  siginfo_t info{};
  return waitid(P_PID, pid_, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == pid_;
}

void ChildProcess::Kill() {
  if (!reaped_) kill(-pid_, SIGKILL);
}

int ChildProcess::Wait() {
  if (reaped_) return 0;
  int status = 0;
  while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  reaped_ = true;
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

absl::StatusOr<ProgramResult> RunProgram(const std::vector<std::string>& words,
                                         milliseconds limit) {
  const auto deadline = steady_clock::now() + limit;
  ASSIGN_OR_RETURN(const auto child, ChildProcess::Start({.words = words}));
  ProgramResult result;
  milliseconds left = limit;
  const auto goes_on = [&] {
    const bool open = child->Read(left, &result.output, nullptr);
    result.output.resize(std::min(result.output.size(), kMaxOutput));
    return open || !child->HasEnded();
  };
  while (left.count() > 0 && goes_on()) {
    left = std::chrono::ceil<milliseconds>(deadline - steady_clock::now());
  }
  if (left.count() <= 0) {
    return absl::DeadlineExceededError(words[0] + " did not end within " +
                                       std::to_string(limit.count()) + " ms and was killed");
  }
  result.exit_status = child->Wait();
  return result;
}

}  // namespace longshore
