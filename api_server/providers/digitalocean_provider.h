// DigitalOcean: an instance is a droplet, by its public API, version 2
// (https://docs.digitalocean.com/reference/api/).
#ifndef LONGSHORE_API_SERVER_PROVIDERS_DIGITALOCEAN_PROVIDER_H_
#define LONGSHORE_API_SERVER_PROVIDERS_DIGITALOCEAN_PROVIDER_H_

#include <chrono>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "api_server/providers/provider.h"
#include "common/http_client.h"
#include "common/mutex.h"

namespace longshore::providers {

struct DigitalOceanOptions {
  std::string url = "https://api.digitalocean.com";
  std::string token;  // Never in a log or an error. Empty: no machine can be made.
};

// A droplet is found again by its tag, which is the machine's key: whether the answer to a create
// was lost is seen by looking. Should there ever be two of a key, the later one is deleted. See
// provider.h.
class DigitalOceanProvider : public Provider {
 public:
  explicit DigitalOceanProvider(DigitalOceanOptions options);

  absl::Status Check(const MachineSpec& spec) const override;
  absl::StatusOr<std::optional<Machine>> Create(const MachineSpec& spec) override;
  // Droplets do not stop with this host.
  absl::Status Resume(const std::string& key) override;
  absl::Status Delete(const std::string& key) override;

 private:
  // Errors: InvalidArgument (the API refuses the request for what it says), Unavailable (all else).
  absl::StatusOr<nlohmann::json> Call(const std::string& method, const std::string& path,
                                      const nlohmann::json& body) ABSL_LOCKS_EXCLUDED(mutex_);
  // All pages of the list called `name`.
  absl::StatusOr<std::vector<nlohmann::json>> List(const std::string& path,
                                                   const std::string& name);
  // Those with the tag, the oldest first.
  absl::StatusOr<std::vector<nlohmann::json>> Droplets(const std::string& key);
  // The account's ids of the keys, which are added to it when they are not there.
  absl::StatusOr<std::vector<int64_t>> KeyIds(const std::vector<std::string>& keys);
  absl::Status CreateDroplet(const MachineSpec& spec);

  const DigitalOceanOptions options_;
  Mutex mutex_;
  // Before this nothing is asked: the API said so with status 429.
  std::chrono::steady_clock::time_point quiet_until_ ABSL_GUARDED_BY(mutex_){};
};

}  // namespace longshore::providers

#endif  // LONGSHORE_API_SERVER_PROVIDERS_DIGITALOCEAN_PROVIDER_H_
