// All providers by their names.
#ifndef LONGSHORE_API_SERVER_PROVIDERS_PROVIDERS_H_
#define LONGSHORE_API_SERVER_PROVIDERS_PROVIDERS_H_

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "api_server/providers/digitalocean_provider.h"
#include "api_server/providers/provider.h"

namespace longshore::providers {

struct ProviderOptions {
  std::vector<std::string> enabled;  // Of "local" and "digitalocean".
  std::string local_directory = "/var/lib/longshore/instances";
  DigitalOceanOptions digitalocean;
};

inline constexpr char kDefaultProvider[] = "local";

using Providers = std::map<std::string, std::unique_ptr<Provider>>;

// Makes those that are enabled. Without any no instance is made.
Providers MakeProviders(const ProviderOptions& options);

}  // namespace longshore::providers

#endif  // LONGSHORE_API_SERVER_PROVIDERS_PROVIDERS_H_
