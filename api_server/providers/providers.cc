#include "api_server/providers/providers.h"

#include "api_server/providers/local_provider.h"

namespace longshore::providers {

Providers MakeProviders(const ProviderOptions& options) {
  Providers providers;
  providers["digitalocean"] = std::make_unique<DigitalOceanProvider>(options.digitalocean);
  providers["local"] = std::make_unique<LocalProvider>(options.local_directory);
  return providers;
}

}  // namespace longshore::providers
