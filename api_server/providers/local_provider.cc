#include "api_server/providers/local_provider.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <utility>

#include "absl/random/random.h"
#include "absl/strings/ascii.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "common/utf8.h"

namespace longshore::providers {
namespace {

constexpr std::chrono::milliseconds kActionLimit{30000};
constexpr size_t kMaxShown = 200;

constexpr char kScript[] =
#include "api_server/providers/local_instance.inc"
    ;

// Below the ports that Linux gives to outgoing connections (ip_local_port_range), which could take
// an instance's while it is down.
constexpr int kFirstPort = 10000;
constexpr int kLastPort = 32767;

bool IsFree(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const bool bound = bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
  close(fd);
  return bound;
}

// A port that nobody uses now. Another may be faster to take it: then the next try has another.
std::string AnyPort() {
  absl::BitGen random;
  int port = 0;
  do {
    port = absl::Uniform(absl::IntervalClosed, random, kFirstPort, kLastPort);
  } while (!IsFree(port));
  return std::to_string(port);
}

// The first line, without the blanks at its end; empty when there is no such file.
std::string ReadLine(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return std::string(absl::StripTrailingAsciiWhitespace(line));
}

// Complete or not at all.
absl::Status WriteFile(const std::string& path, const std::string& text) {
  {
    std::ofstream file(path + ".new");
    file << text;
    if (!file.flush()) return absl::UnavailableError("cannot write " + path);
  }
  std::error_code error;
  std::filesystem::rename(path + ".new", path, error);
  return error ? absl::UnavailableError(path + ": " + error.message()) : absl::OkStatus();
}

absl::Status Failed(const std::string& what, const ProgramResult& result) {
  return absl::UnavailableError("the local instance could not be " + what + ": " + result.output);
}

}  // namespace

LocalProvider::LocalProvider(std::string directory) : directory_(std::move(directory)) {}

std::string LocalProvider::Path(const std::string& key, const std::string& file) const {
  return directory_ + "/" + key + (file.empty() ? "" : "/" + file);
}

absl::StatusOr<ProgramResult> LocalProvider::Act(const std::vector<std::string>& words) {
  std::vector<std::string> command{"bash", "-c", kScript, "local_instance"};
  command.insert(command.end(), words.begin(), words.end());
  return RunProgram(command, kActionLimit);
}

absl::Status LocalProvider::Check(const MachineSpec& spec) const {
  for (const auto& [field, value] :
       {std::pair("region", &spec.region), std::pair("size", &spec.size),
        std::pair("image", &spec.image)}) {
    if (!value->empty()) {
      const std::string problem = std::string(field) + " '" + ToPrintableLine(*value, kMaxShown) +
                                  "' must be empty: the provider local has none";
      return WithFieldViolation(absl::InvalidArgumentError(problem), field, problem);
    }
  }
  return absl::OkStatus();
}

absl::Status LocalProvider::Init(const MachineSpec& spec) const {
  std::error_code error;
  std::filesystem::create_directories(Path(spec.key, ""), error);
  if (error) return absl::UnavailableError(Path(spec.key, "") + ": " + error.message());
  std::string keys;
  for (const std::string& key : spec.authorized_keys) keys += key + "\n";
  const std::string file = Path(spec.key, "worker_keys");
  RETURN_IF_ERROR(WriteFile(file, keys));
  ASSIGN_OR_RETURN(const ProgramResult result, Act({"init", Path(spec.key, ""), file}));
  return result.exit_status == 0 ? absl::OkStatus() : Failed("made", result);
}

absl::Status LocalProvider::Start(const std::string& key, const std::string& port) const {
  ASSIGN_OR_RETURN(const ProgramResult result, Act({"start", Path(key, ""), port}));
  return result.exit_status == 0 ? absl::OkStatus() : Failed("started", result);
}

bool LocalProvider::IsUp(const std::string& key) const {
  const auto result = Act({"is_up", Path(key, "")});
  return result.ok() && result->exit_status == 0;
}

absl::StatusOr<std::optional<Machine>> LocalProvider::Create(const MachineSpec& spec) {
  if (!std::filesystem::exists(Path(spec.key, "sshd_config"))) RETURN_IF_ERROR(Init(spec));
  if (!IsUp(spec.key)) {
    RETURN_IF_ERROR(Start(spec.key, AnyPort()));
    return std::nullopt;
  }
  return Machine{.address = "127.0.0.1",
                 .port = std::stoi(ReadLine(Path(spec.key, "port"))),
                 .host_key = ReadLine(Path(spec.key, "host_key.pub"))};
}

absl::Status LocalProvider::Resume(const std::string& key) {
  const std::string port = ReadLine(Path(key, "port"));
  return port.empty() ? absl::OkStatus() : Start(key, port);
}

absl::Status LocalProvider::Delete(const std::string& key) {
  ASSIGN_OR_RETURN(const ProgramResult result, Act({"delete", Path(key, "")}));
  return result.exit_status == 0 ? absl::OkStatus() : Failed("removed", result);
}

}  // namespace longshore::providers
