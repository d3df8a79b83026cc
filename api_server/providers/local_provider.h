// Instances on this machine: each a real sshd on loopback with files and processes of its own. For
// trying Longshore out, and for its tests; needs root.
#ifndef LONGSHORE_API_SERVER_PROVIDERS_LOCAL_PROVIDER_H_
#define LONGSHORE_API_SERVER_PROVIDERS_LOCAL_PROVIDER_H_

#include <string>
#include <vector>

#include "api_server/providers/provider.h"
#include "common/subprocess.h"

namespace longshore::providers {

// Keeps everything of an instance in DIRECTORY/KEY; see local_instance.sh. The instances are
// nobody's children: they outlive the api_server.
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
  // Does nothing when it runs or is about to.
  absl::Status Start(const std::string& key, const std::string& port) const;
  bool IsUp(const std::string& key) const;

  const std::string directory_;
};

}  // namespace longshore::providers

#endif  // LONGSHORE_API_SERVER_PROVIDERS_LOCAL_PROVIDER_H_
