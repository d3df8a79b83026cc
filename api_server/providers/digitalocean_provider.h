// The provider DigitalOcean: an instance is a droplet. It uses version 2 of the public API
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
  std::string token;  // Appears in no log or error. Without it no machine can be made.
};

// Each droplet has its machine's key as a tag, so a droplet is found even when the answer to its
// creation was lost. If two droplets have the same key, the later one is deleted. See provider.h.
class DigitalOceanProvider : public Provider {
 public:
  explicit DigitalOceanProvider(DigitalOceanOptions options);

  absl::Status Check(const MachineSpec& spec) const override;
  absl::StatusOr<std::optional<Machine>> Create(const MachineSpec& spec) override;
  // Does nothing: droplets do not stop with this host.
  absl::Status Resume(const std::string& key) override;
  absl::Status Delete(const std::string& key) override;

 private:
  // Errors: InvalidArgument (the API refuses what the request says), Unavailable (anything else).
  absl::StatusOr<nlohmann::json> Call(const std::string& method, const std::string& path,
                                      const nlohmann::json& body) ABSL_LOCKS_EXCLUDED(mutex_);
  // Returns all pages of the list called `name`.
  absl::StatusOr<std::vector<nlohmann::json>> List(const std::string& path,
                                                   const std::string& name);
  // Returns the droplets with the tag `key`, the oldest first.
  absl::StatusOr<std::vector<nlohmann::json>> Droplets(const std::string& key);
  // Returns the account's ids of the keys; adds the keys that the account does not have.
  absl::StatusOr<std::vector<int64_t>> KeyIds(const std::vector<std::string>& keys);
  absl::Status CreateDroplet(const MachineSpec& spec);

  const DigitalOceanOptions options_;
  Mutex mutex_;
  // No request is sent before this time, because the API answered with status 429.
  std::chrono::steady_clock::time_point quiet_until_ ABSL_GUARDED_BY(mutex_){};
};

}  // namespace longshore::providers

#endif  // LONGSHORE_API_SERVER_PROVIDERS_DIGITALOCEAN_PROVIDER_H_
