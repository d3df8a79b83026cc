#include "api_server/providers/providers.h"

#include "api_server/providers/local_provider.h"

namespace longshore::providers {

Providers MakeProviders(const ProviderOptions& options) {
  Providers providers;
  for (const std::string& name : options.enabled) {
    if (name == "digitalocean") {
      providers[name] = std::make_unique<DigitalOceanProvider>(options.digitalocean);
    }
    if (name == "local") providers[name] = std::make_unique<LocalProvider>(options.local_directory);
  }
  return providers;
}

}  // namespace longshore::providers
