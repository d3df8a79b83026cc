// The provider of instances on this machine: each is a real sshd on loopback with its own files and
// processes. It is for trying Longshore out and for its tests, and it needs root.
#ifndef LONGSHORE_API_SERVER_PROVIDERS_LOCAL_PROVIDER_H_
#define LONGSHORE_API_SERVER_PROVIDERS_LOCAL_PROVIDER_H_

#include <string>
#include <vector>

#include "api_server/providers/provider.h"
#include "common/subprocess.h"

namespace longshore::providers {

// Thread-safe. Keeps everything of an instance in DIRECTORY/KEY; see local_instance.sh. Instances
// are not children of the api_server and outlive it.
class LocalProvider : public Provider {
 public:
  explicit LocalProvider(std::string directory);

  absl::Status Check(const MachineSpec& spec) const override;
  absl::StatusOr<std::optional<Machine>> Create(const MachineSpec& spec) override;
  absl::Status Resume(const std::string& key) override;
  absl::Status Delete(const std::string& key) override;

 private:
  std::string Path(const std::string& key, const std::string& file) const;
  // Runs an action of local_instance.sh.
  static absl::StatusOr<ProgramResult> Act(const std::vector<std::string>& words);
  absl::Status Init(const MachineSpec& spec) const;
  // Does nothing when the instance runs or is about to.
  absl::Status Start(const std::string& key, const std::string& port) const;
  bool IsUp(const std::string& key) const;

  const std::string directory_;
};

}  // namespace longshore::providers

#endif  // LONGSHORE_API_SERVER_PROVIDERS_LOCAL_PROVIDER_H_
