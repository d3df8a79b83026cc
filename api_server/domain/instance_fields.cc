#include "api_server/domain/instance_fields.h"

#include "api_server/domain/errors.h"
#include "api_server/domain/fields.h"
#include "common/host_key.h"
#include "common/policy.h"
#include "common/short_name.h"
#include "common/status_macros.h"

namespace longshore::domain {
namespace {

constexpr int kSshPort = 22;
constexpr size_t kMaxLoginBytes = 64;

}  // namespace

absl::Status CheckAddress(std::string_view field, const std::string& address) {
  RETURN_IF_ERROR(CheckLabel(field, address, kMaxLabelBytes, /*required=*/true));
  if (address.front() == '[' && address.find(':') != std::string::npos) {
    return InvalidField(field, address, "must be an IPv6 address without brackets");
  }
  if (address.find_first_of(" /@") == std::string::npos) return absl::OkStatus();
  return InvalidField(field, address, "must be a host name or an IP address");
}

absl::Status CheckPort(std::string_view field, int32_t port) {
  if (port >= 0 && port <= 65535) return absl::OkStatus();
  return InvalidField(field, std::to_string(port), "is out of range: 0 for 22, or 1 to 65535");
}

int32_t PortOrDefault(int32_t port) { return port == 0 ? kSshPort : port; }

std::string PoolOrDefault(const std::string& pool) {
  return pool.empty() ? policy::kDefaultPool : pool;
}

absl::Status CheckLogin(std::string_view field, const std::string& login) {
  RETURN_IF_ERROR(CheckLabel(field, login, kMaxLoginBytes, /*required=*/false));
  if (login.find_first_of(" /:@") == std::string::npos) return absl::OkStatus();
  return InvalidField(field, login, "is not a login name");
}

absl::StatusOr<std::string> ReadHostKey(std::string_view field, const std::string& line) {
  if (line.empty()) return "";
  std::string key = NormalizedHostKey(line);
  if (!key.empty()) return key;
  return InvalidField(field, line,
                      "is not an OpenSSH public key line, \"TYPE BASE64 [COMMENT]\", of type "
                      "ssh-ed25519, ssh-rsa or ecdsa-sha2-nistp256/384/521");
}

absl::StatusOr<std::string> ReadPool(const std::string& pool) {
  std::string name = PoolOrDefault(pool);
  if (IsShortName(name)) return name;
  return InvalidField("pool", pool,
                      "is not the name of a pool: letters, digits, '.', '_' and '-', at most 64");
}

absl::StatusOr<std::vector<v1::JumpHost>> ReadJump(
    const google::protobuf::RepeatedPtrField<v1::JumpHost>& jump) {
  if (jump.size() > kMaxJumps) {
    return InvalidField("jump", std::to_string(jump.size()),
                        "are too many: at most " + std::to_string(kMaxJumps));
  }
  std::vector<v1::JumpHost> hosts;
  for (const v1::JumpHost& given : jump) {
    RETURN_IF_ERROR(CheckAddress("jump.address", given.address()));
    RETURN_IF_ERROR(CheckPort("jump.port", given.port()));
    RETURN_IF_ERROR(CheckLogin("jump.ssh_user", given.ssh_user()));
    if (given.host_key().empty()) {
      return InvalidField("jump.host_key", "",
                          "is required: the key of a host on the way is not learned");
    }
    v1::JumpHost& host = hosts.emplace_back();
    host.set_address(given.address());
    host.set_port(PortOrDefault(given.port()));
    host.set_ssh_user(given.ssh_user().empty() ? "root" : given.ssh_user());
    ASSIGN_OR_RETURN(*host.mutable_host_key(), ReadHostKey("jump.host_key", given.host_key()));
  }
  return hosts;
}

}  // namespace longshore::domain
