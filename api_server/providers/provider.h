// The interface of providers, which make instances. A new provider is one file, and one line in
// providers.cc.
#ifndef LONGSHORE_API_SERVER_PROVIDERS_PROVIDER_H_
#define LONGSHORE_API_SERVER_PROVIDERS_PROVIDER_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace longshore::providers {

// Describes a machine to be made.
struct MachineSpec {
  std::string key;  // Names the machine for ever: letters, digits and "-".
  std::string name;
  std::string region;
  std::string size;
  std::string image;
  std::vector<std::string> tags;
  std::vector<std::string> authorized_keys;  // "TYPE BASE64": keys that may log in.
};

// A machine that takes SSH connections.
struct Machine {
  std::string address;
  int port = 22;
  std::string ssh_user = "root";
  std::string host_key;  // "TYPE BASE64"; empty when the provider does not know it.
};

// Thread-safe. A call blocks for seconds at most. Any api_server may repeat any call at any time:
// each call looks at what exists and goes on from there. So a machine is never made twice, and none
// is left behind, however often an answer is lost.
class Provider {
 public:
  virtual ~Provider() = default;
  // Checks what can be checked without a request to the provider. Errors: InvalidArgument, with
  // the field's violation.
  virtual absl::Status Check(const MachineSpec& spec) const = 0;
  // Takes the next step towards the machine. Returns nullopt while the machine is being made; the
  // caller asks again later. Errors: InvalidArgument when such a machine can never be made; any
  // other error is worth another try.
  virtual absl::StatusOr<std::optional<Machine>> Create(const MachineSpec& spec) = 0;
  // Starts a machine again that stopped with its host; otherwise does nothing.
  virtual absl::Status Resume(const std::string& key) = 0;
  // Returns OK when no machine has that key any more.
  virtual absl::Status Delete(const std::string& key) = 0;
};

}  // namespace longshore::providers

#endif  // LONGSHORE_API_SERVER_PROVIDERS_PROVIDER_H_
