// Builds one api_server from its parts and shuts it down without losing anything.
#ifndef LONGSHORE_API_SERVER_SERVER_H_
#define LONGSHORE_API_SERVER_SERVER_H_

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "api_server/domain/deployer.h"
#include "api_server/domain/script_source.h"
#include "api_server/http/front.h"
#include "api_server/providers/providers.h"
#include "api_server/webhooks/webhook_sender.h"
#include "common/backoff.h"
#include "common/policy.h"
#include "common/service_notifier.h"
#include "common/tls.h"
#include "storage/retention_store.h"

namespace longshore {

struct ServerOptions {
  std::string listen = "127.0.0.1:50051";         // Public services.
  std::string worker_listen = "127.0.0.1:50052";  // WorkerService.
  std::string http_listen;                        // HTTP, by the public port's TLS; empty: none.
  api_http::FrontOptions http;
  bool open_metrics = false;  // /metrics needs no token.
  // Without TLS and without tokens. Start refuses it unless all addresses are loopback.
  bool insecure = false;
  TlsFiles tls;         // Of the public port.
  TlsFiles worker_tls;  // Of the workers' port; needs an authority.
  std::chrono::seconds max_connection_age = policy::kMaxConnectionAge;
  std::string refused_workers_file;
  int requests_per_second_per_token = 0;  // On this api_server; 0: no limit.
  int max_watches_per_token = 0;          // The same.
  // Where the first token is written if there is none yet; empty: it is not made.
  std::string bootstrap_token_file;
  std::string database_url;
  std::vector<domain::PayloadDirectory> allowed_payload_dirs;
  int64_t max_payload_bytes = policy::kMaxPayloadBytes;
  int64_t max_output_bytes = policy::kMaxOutputBytes;
  domain::DeployLimits deploy;
  std::chrono::seconds execution_grace = policy::kExecutionGrace;
  std::string authorized_keys_file;  // The public keys that new machines let in.
  int max_running_per_instance = policy::kMaxRunningPerInstance;
  std::chrono::milliseconds lease_duration = policy::kLeaseDuration;
  bool lease_groups = false;  // Workers may have leases renewed together.
  BackoffOptions retry_backoff{};
  int database_connections = policy::kDatabaseConnections;
  providers::ProviderOptions providers;
  storage::Retention retention;
  webhooks::WebhookOptions webhooks;
  std::chrono::milliseconds drain_timeout = policy::kDrainTimeout;
};

// Not thread-safe. Drain is called once, after Start.
class Server {
 public:
  // Says what is wrong with the options, as far as files tell it; Start does so first.
  static absl::Status Check(const ServerOptions& options);
  // Migrates the database and starts listening. Errors: Unavailable (database away),
  // FailedPrecondition (address in use, TLS missing or its files unusable, or the schema is newer
  // than this binary).
  static absl::StatusOr<std::unique_ptr<Server>> Start(const ServerOptions& options);
  ~Server();

  int port() const;         // Of the public services.
  int worker_port() const;  // Of WorkerService.
  int http_port() const;    // 0 without HTTP.

  // How it stands, for who starts it again when it hangs. Thread-safe.
  ServiceState state() const;

  // Takes no new work, sends workers to other replicas, waits for requests to end, and stores what
  // workers have reported.
  void Drain();

 private:
  struct Parts;
  explicit Server(std::unique_ptr<Parts> parts);
  absl::Status StartHttp();

  std::unique_ptr<Parts> parts_;
};

}  // namespace longshore

#endif  // LONGSHORE_API_SERVER_SERVER_H_
