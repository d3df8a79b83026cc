// Which addresses a webhook may be sent to.
#ifndef LONGSHORE_API_SERVER_WEBHOOKS_ADDRESS_RULES_H_
#define LONGSHORE_API_SERVER_WEBHOOKS_ADDRESS_RULES_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/networks.h"

namespace longshore::webhooks {

// Immutable, so thread-safe. Whoever answers for a name in a URL decides what it stands for, and an
// api_server reaches what nobody outside does: so only addresses of the public Internet are sent
// to, and those that the operator has named.
class AddressRules {
 public:
  // Names no others.
  AddressRules() = default;
  // Names these networks. Errors: InvalidArgument, which names the text.
  static absl::StatusOr<AddressRules> Make(const std::vector<std::string>& named);

  // Without TLS only addresses that are named may be connected to.
  bool MayConnect(const sockaddr& address, bool tls) const;

 private:
  Networks named_;  // Where it contains all, none is named.
};

}  // namespace longshore::webhooks

#endif  // LONGSHORE_API_SERVER_WEBHOOKS_ADDRESS_RULES_H_
