#include "verify/instance_checks.h"

#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cctype>
#include <fstream>
#include <set>
#include <sstream>
#include <string_view>
#include <thread>
#include <utility>

#include "absl/strings/str_replace.h"
#include "common/shell_quote.h"
#include "common/status_macros.h"
#include "common/subprocess.h"
#include "verify/queries/queries.h"

namespace longshore::verify {
namespace {

using storage::Connection;
using storage::Params;
using storage::Result;

constexpr size_t kAtATime = 16;
constexpr std::chrono::seconds kPatience{30};

// One line for each run directory and each temporary upload. $1...: directories that scripts went
// to.
constexpr char kLook[] = R"sh(
if [ "$(id -u)" = 0 ]; then root=/var/lib/longshore/runs; else root=$HOME/.local/state/longshore/runs; fi
echo longshore-verify
for run in "$root"/*; do [ ! -d "$run" ] || echo "run ${run##*/}"; done
for directory in "$HOME" "$@"; do
  for upload in "$directory"/.longshore-*; do [ ! -e "$upload" ] || echo "upload ${upload##*/}"; done
done
)sh";

// How one logs in somewhere.
struct Login {
  std::string address;
  std::string port;
  std::string user;
  std::string host_key;
};

struct Host {
  int64_t id = 0;
  Login login;
  bool become = false;
  std::vector<Login> jump;  // The hosts on the way to it.
  std::vector<std::string> directories;
};

// Where there are hosts on the way, ssh has a shell start it again, with addresses in the command.
bool IsPlain(const std::string& word) {
  return !word.empty() && word[0] != '-' &&
         std::all_of(word.begin(), word.end(), [](unsigned char c) {
           return std::isalnum(c) != 0 ||
                  std::string_view(".:-_%$").find(static_cast<char>(c)) != std::string_view::npos;
         });
}

bool IsPlain(const Login& login) { return IsPlain(login.address) && IsPlain(login.user); }

std::string JumpName(size_t number) { return "longshore-jump-" + std::to_string(number); }

// "run NAME" or "upload .longshore-NAME.TASK-EPOCH" -> the name of the run; of a run that is named
// in the old way, PAYLOAD.ATTEMPT, an upload names the payload alone.
std::string RunOf(const std::string& found) {
  std::string name = found.substr(found.find(' ') + 1);
  const std::string upload = ".longshore-";
  if (name.compare(0, upload.size(), upload) != 0) return name;
  name.erase(0, upload.size());
  return name.substr(0, name.find('.'));
}

// A file that only this process reads, gone with the object.
class PrivateFile {
 public:
  explicit PrivateFile(const std::string& text) {
    const int fd = mkstemp(path_.data());
    if (fd < 0) return;
    close(fd);
    std::ofstream(path_) << text;
  }
  ~PrivateFile() { unlink(path_.c_str()); }
  PrivateFile(const PrivateFile&) = delete;
  PrivateFile& operator=(const PrivateFile&) = delete;

  const std::string& path() const { return path_; }

 private:
  std::string path_ = "/tmp/longshore-verify-XXXXXX";
};

std::string KnownHosts(const Host& host) {
  std::string text = "longshore-instance " + host.login.host_key + "\n";
  for (size_t i = 0; i < host.jump.size(); ++i) {
    text += JumpName(i) + " " + host.jump[i].host_key + "\n";
  }
  return text;
}

// Also for the ssh that goes to the hosts on the way, which sees nothing else of a command line.
std::string Configuration(const Host& host, const std::string& known_hosts,
                          const std::string& key_file) {
  std::string text =
      "BatchMode yes\nIdentitiesOnly yes\nConnectTimeout 10\nStrictHostKeyChecking yes\n"
      "GlobalKnownHostsFile none\nUserKnownHostsFile " +
      known_hosts + "\nIdentityFile \"" + absl::StrReplaceAll(key_file, {{"%", "%%"}}) + "\"\n";
  for (size_t i = 0; i < host.jump.size(); ++i) {
    const Login& jump = host.jump[i];
    text += "Host " + JumpName(i) + "\n  HostKeyAlias " + JumpName(i) + "\n  HostName " +
            absl::StrReplaceAll(jump.address, {{"%", "%%"}}) + "\n  Port " + jump.port +
            "\n  User " + jump.user + "\n";
    if (i > 0) text += "  ProxyJump " + JumpName(i - 1) + "\n";
  }
  return text;
}

absl::StatusOr<std::set<std::string>> Look(const Host& host, const std::string& key_file) {
  std::vector<std::string> way;
  if (!host.jump.empty()) {
    if (!IsPlain(host.login) || !std::all_of(host.jump.begin(), host.jump.end(),
                                             [](const Login& jump) { return IsPlain(jump); })) {
      return absl::UnavailableError("an address or a login on the way cannot be passed to ssh");
    }
    way = {"-o", "ProxyJump=" + JumpName(host.jump.size() - 1)};
  }
  std::string command = host.become ? "exec sudo -n -H -- /bin/bash --norc -p -c " : "sh -c ";
  command += ShellQuote(kLook) + " longshore" + ShellWords(host.directories);
  const PrivateFile known(KnownHosts(host));
  const PrivateFile configuration(Configuration(host, known.path(), key_file));
  std::vector<std::string> words = {
      "ssh",           "-F", configuration.path(), "-o", "HostKeyAlias=longshore-instance", "-p",
      host.login.port, "-l", host.login.user};
  words.insert(words.end(), way.begin(), way.end());
  words.insert(words.end(), {"--", host.login.address, command});
  ASSIGN_OR_RETURN(const ProgramResult result, RunProgram(words, kPatience));
  std::set<std::string> found;
  bool began = false;
  std::istringstream lines(result.output);
  for (std::string line; std::getline(lines, line);) {
    if (began && !line.empty()) found.insert(line);
    began = began || line == "longshore-verify";  // What a login says comes before it.
  }
  if (result.exit_status != 0 || !began) {
    return absl::UnavailableError("ssh ended with " + std::to_string(result.exit_status) + ": " +
                                  result.output.substr(0, 300));
  }
  return found;
}

absl::StatusOr<std::vector<Host>> ReadHosts(Connection& connection) {
  ASSIGN_OR_RETURN(const Result result, connection.Execute(queries::kReachableInstances));
  std::vector<Host> hosts;
  for (const storage::Row row : result) {
    Host host{.id = row.Int("id"),
              .login = {.address = row.String("address"),
                        .port = row.String("port"),
                        .user = row.String("ssh_user"),
                        .host_key = row.String("host_key")},
              .become = row.Bool("become"),
              .jump = {},
              .directories = row.TextArray("directories")};
    const std::vector<std::string> jump = row.TextArray("jump");
    for (size_t i = 0; i + 4 <= jump.size(); i += 4) {
      host.jump.push_back(
          {.address = jump[i], .port = jump[i + 1], .user = jump[i + 2], .host_key = jump[i + 3]});
    }
    hosts.push_back(std::move(host));
  }
  return hosts;
}

// What was found on an instance, by whose it is.
struct Findings {
  std::vector<std::string> left_behind;  // This database's, of no open payload and no cleanup.
  int others = 0;                        // Another installation's, or a lost database's.
};

absl::StatusOr<Findings> Judge(Connection& connection, int64_t instance_id,
                               const std::set<std::string>& found) {
  std::vector<std::string> lines(found.begin(), found.end());
  std::vector<std::string> runs;
  runs.reserve(lines.size());
  for (const std::string& line : lines) runs.push_back(RunOf(line));
  ASSIGN_OR_RETURN(
      const Result result,
      connection.Execute(
          queries::kJudgeFindings,
          Params().Texts("lines", lines).Texts("runs", runs).Int("instance_id", instance_id)));
  Findings findings;
  for (const storage::Row row : result) {
    if (!row.Bool("own")) {
      ++findings.others;
    } else if (!row.Bool("expected")) {
      findings.left_behind.push_back(row.String("line"));
    }
  }
  return findings;
}

// Looks at all hosts, some at a time. found[i] belongs to hosts[i].
std::vector<absl::StatusOr<std::set<std::string>>> LookAtAll(const std::vector<Host>& hosts,
                                                             const std::string& key_file) {
  std::vector<absl::StatusOr<std::set<std::string>>> found(hosts.size());
  std::atomic<size_t> next{0};
  std::vector<std::thread> threads;
  for (size_t t = 0; t < std::min(hosts.size(), kAtATime); ++t) {
    threads.emplace_back([&] {
      for (size_t i = next++; i < hosts.size(); i = next++) found[i] = Look(hosts[i], key_file);
    });
  }
  for (std::thread& thread : threads) thread.join();
  return found;
}

}  // namespace

absl::StatusOr<InstanceReport> CheckInstances(Connection& connection, const std::string& key_file) {
  ASSIGN_OR_RETURN(const std::vector<Host> hosts, ReadHosts(connection));
  InstanceReport report;
  const auto found = LookAtAll(hosts, key_file);
  for (size_t i = 0; i < hosts.size(); ++i) {
    const std::string subject = "instance " + std::to_string(hosts[i].id);
    if (!found[i].ok()) {
      report.unreachable.push_back(subject + ": " + std::string(found[i].status().message()));
      continue;
    }
    ++report.checked;
    ASSIGN_OR_RETURN(const Findings findings, Judge(connection, hosts[i].id, *found[i]));
    report.others += findings.others;
    const std::vector<std::string>& suspects = findings.left_behind;
    if (suspects.empty()) continue;
    // What was there before the database was asked may have been removed in good order since.
    const auto again = Look(hosts[i], key_file);
    for (const std::string& suspect : suspects) {
      if (again.ok() && again->count(suspect) == 0) continue;
      report.violations.push_back(
          {8, "nothing is left on an instance that nobody will remove", subject, suspect});
    }
  }
  return report;
}

}  // namespace longshore::verify
