// Where instances come from. A provider is one file and one line in providers.cc.
#ifndef LONGSHORE_API_SERVER_PROVIDERS_PROVIDER_H_
#define LONGSHORE_API_SERVER_PROVIDERS_PROVIDER_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace longshore::providers {

// What a machine shall be.
struct MachineSpec {
  std::string key;  // Names it for ever: letters, digits and "-".
  std::string name;
  std::string region;
  std::string size;
  std::string image;
  std::vector<std::string> tags;
  std::vector<std::string> authorized_keys;  // "TYPE BASE64": what may log in.
};

// A machine that takes SSH connections.
struct Machine {
  std::string address;
  int port = 22;
  std::string ssh_user = "root";
  std::string host_key;  // "TYPE BASE64"; empty when the provider cannot tell.
};

// Thread-safe. Calls block, for seconds at most, and may be made again at any time, by any
// api_server: each looks at what is there and goes on from it, so that a machine is never made
// twice and none is left behind, however often an answer was lost.
class Provider {
 public:
  virtual ~Provider() = default;
  // Checks what can be checked without asking anybody. InvalidArgument names the field.
  virtual absl::Status Check(const MachineSpec& spec) const = 0;
  // Goes one step towards the machine; nullopt when it is under way: ask again. Errors:
  // InvalidArgument (it can never be made so), all others are worth another try.
  virtual absl::StatusOr<std::optional<Machine>> Create(const MachineSpec& spec) = 0;
  // Brings back a machine that was made and has stopped with its host; nothing otherwise.
  virtual absl::Status Resume(const std::string& key) = 0;
  // OK when there is no machine of that key any more.
  virtual absl::Status Delete(const std::string& key) = 0;
};

}  // namespace longshore::providers

#endif  // LONGSHORE_API_SERVER_PROVIDERS_PROVIDER_H_
