// The webhooks of an installation, as its operator names them.
#ifndef LONGSHORE_API_SERVER_WEBHOOKS_WEBHOOK_FILE_H_
#define LONGSHORE_API_SERVER_WEBHOOKS_WEBHOOK_FILE_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace longshore::webhooks {

// URL and secret are for the receiver alone: they may stand in no log and in no database.
struct Webhook {
  std::string name;                   // In logs, metrics and the database.
  std::vector<std::string> projects;  // It hears of deployments to these alone; empty: of all.
  std::string url;                    // http:// or https://.
  std::string secret;                 // Signs what is sent.
  std::string ca_file;  // PEM: who signs the receiver's certificate; empty: the system's.

  bool uses_tls() const;
  bool operator==(const Webhook&) const = default;
};

// Reads the file and those that it names. Each line is a webhook:
//
//   NAME PROJECT,... URL SECRET_FILE [CA_FILE]
//
// with * for every project; empty lines and those that begin with # do not count. Errors:
// FailedPrecondition, which names the file and the line and repeats neither URL nor secret.
absl::StatusOr<std::vector<Webhook>> ReadWebhooks(const std::string& path);

}  // namespace longshore::webhooks

#endif  // LONGSHORE_API_SERVER_WEBHOOKS_WEBHOOK_FILE_H_
