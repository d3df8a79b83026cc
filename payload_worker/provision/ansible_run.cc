#include "payload_worker/provision/ansible_run.h"

#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <memory>

#include "common/status_macros.h"
#include "common/subprocess.h"
#include "common/utf8.h"
#include "payload_worker/provision/inventory.h"

namespace longshore::provision {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds kTick{500};
// For what is still in the pipes; somebody may have escaped with them.
constexpr milliseconds kLastWords{2000};
constexpr size_t kMaxOutputBytes = 32 * 1024;

// A directory of its own that goes with it. Its path has nothing in it that would need quoting, and
// leaves room for a socket's name.
class TemporaryDirectory {
 public:
  ~TemporaryDirectory() {
    std::error_code ignored;
    if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
  }
  absl::Status Make() {
    char name[] = "/tmp/longshore-provision-XXXXXX";
    if (mkdtemp(name) == nullptr) {
      return absl::UnavailableError("no directory can be made in /tmp");
    }
    path_ = name;
    return absl::OkStatus();
  }
  absl::Status Write(const std::string& name, const std::string& text) const {
    std::ofstream file(path_ + "/" + name);
    file << text;
    return file.flush() ? absl::OkStatus()
                        : absl::UnavailableError("cannot write " + path_ + "/" + name);
  }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

ChildOptions Command(const AnsibleOptions& options, const std::string& directory) {
  const std::string ansible = std::filesystem::path(options.playbook).parent_path();
  return {// It dies with the thread that starts it.
          .words = {"setpriv", "--pdeathsig", "KILL", "--", options.program, "--inventory",
                    directory + "/inventory.json", "--forks", std::to_string(options.forks),
                    "--skip-tags", "payload", options.playbook},
          .environment = {"ANSIBLE_CONFIG=" + ansible + "/ansible.cfg",
                          "ANSIBLE_HOME=" + directory + "/home",
                          "ANSIBLE_LOCAL_TEMP=" + directory + "/tmp", "ANSIBLE_NOCOLOR=1",
                          // A connection of its own to each host that the tasks share and that
                          // ends soon after the run. It goes by the host's name: beyond different
                          // hosts an address is not the same.
                          "ANSIBLE_SSH_ARGS=-F " + directory +
                              "/ssh_config -o ControlMaster=auto -o ControlPersist=10"
                              " -o ControlPath=" +
                              directory + "/%k",
                          "LONGSHORE_RECORDS_FD=3", "LC_ALL=C.UTF-8", "PYTHONDONTWRITEBYTECODE=1"},
          .records = true};
}

// With the certificate that may lie beside a key.
absl::Status LinkJumpKeys(const AnsibleOptions& options, const std::vector<v1::Assignment>& hosts,
                          const std::string& directory) {
  for (const v1::Assignment& host : hosts) {
    if (host.jump_size() == 0) continue;
    // One that has gone meanwhile leaves the host out of reach, to be tried again.
    const auto key = options.key_file(host.project());
    if (!key.ok()) continue;
    const std::filesystem::path from = std::filesystem::absolute(*key);
    const std::string to = JumpKeyFile(directory, host.instance_id());
    for (const char* ending : {"", "-cert.pub"}) {
      std::error_code error;
      std::filesystem::create_symlink(from.string() + ending, to + ending, error);
      if (error) return absl::UnavailableError("cannot write " + to + ": " + error.message());
    }
  }
  return absl::OkStatus();
}

std::string Ending(const AnsibleOptions& options, int status) {
  if (status > 128) return "was killed by signal " + std::to_string(status - 128);
  // 126 and 127 are setpriv's when it cannot execute it.
  if (status == 126 || status == 127) return "cannot be started: " + options.program;
  return "ended with exit status " + std::to_string(status);
}

}  // namespace

absl::StatusOr<AnsibleRunEnd> RunAnsible(const AnsibleOptions& options,
                                         const std::vector<v1::Assignment>& hosts,
                                         const std::function<void(const Record&)>& on_record,
                                         const std::function<bool()>& wanted) {
  if (!std::filesystem::exists(options.playbook)) {
    return absl::NotFoundError("there is no playbook '" + options.playbook + "'");
  }
  TemporaryDirectory directory;
  RETURN_IF_ERROR(directory.Make());
  RETURN_IF_ERROR(directory.Write("inventory.json", InventoryJson(hosts, options.key_file)));
  RETURN_IF_ERROR(directory.Write("known_hosts", KnownHosts(hosts)));
  RETURN_IF_ERROR(directory.Write("ssh_config", SshConfig(hosts, directory.path())));
  RETURN_IF_ERROR(LinkJumpKeys(options, hosts, directory.path()));
  ASSIGN_OR_RETURN(const auto child, ChildProcess::Start(Command(options, directory.path())));
  const auto deadline = steady_clock::now() + options.time_limit;
  std::string output;
  RecordLines lines;
  const auto read = [&](milliseconds limit) {
    std::string records;
    const bool open = child->Read(limit, &output, &records);
    if (output.size() > kMaxOutputBytes) output.erase(0, output.size() - kMaxOutputBytes);
    for (const Record& record : lines.Add(records)) on_record(record);
    return open;
  };
  std::string killed;
  while (!child->HasEnded() && killed.empty()) {
    read(kTick);
    if (!wanted()) killed = "was stopped: nobody waits for it any more";
    if (steady_clock::now() >= deadline) {
      killed = "did not end within " + std::to_string(options.time_limit.count()) +
               " s (--provision_timeout) and was killed";
    }
  }
  // Its forks as well: they hold the pipes.
  child->Kill();
  const auto end = steady_clock::now() + kLastWords;
  while (steady_clock::now() < end && read(kTick)) {
  }
  const int status = child->Wait();
  return AnsibleRunEnd{
      .how = "ansible-playbook " + (killed.empty() ? Ending(options, status) : killed),
      .output = ToValidUtf8(output)};
}

}  // namespace longshore::provision
