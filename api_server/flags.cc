#include "api_server/flags.h"

#include <gflags/gflags.h>

#include <cstdlib>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_split.h"
#include "common/backoff.h"
#include "common/first_line.h"
#include "common/policy.h"
#include "common/status_macros.h"
#include "storage/database_url.h"

DEFINE_string(listen, "127.0.0.1:50051", "Address of the public services.");
DEFINE_string(worker_listen, "127.0.0.1:50052", "Address that payload_workers dial.");
DEFINE_string(http_listen, "",
              "Address of HTTP: JSON-RPC, REST, events; TLS as on the public port. Empty: none.");
DEFINE_string(http_hosts, "",
              "Comma-separated names in URLs by which HTTP is reached, besides the certificate's.");
DEFINE_string(http_origins, "",
              "Comma-separated origins, https://HOST[:PORT], of pages that may call HTTP.");
DEFINE_bool(open_metrics, false, "Whoever reaches HTTP may read /metrics, without a token.");
DEFINE_bool(insecure, false,
            "Without TLS and tokens: whoever reaches the ports may do anything. Loopback only.");
DEFINE_string(tls_cert, "",
              "PEM file: the public port's certificate, and those between it and its CA.");
DEFINE_string(tls_key, "", "PEM file: the key of --tls_cert.");
DEFINE_string(tls_client_ca, "",
              "PEM file: who signs clients' certificates; empty: clients need none.");
DEFINE_string(worker_tls_cert, "", "PEM file: the certificate of the workers' port.");
DEFINE_string(worker_tls_key, "", "PEM file: the key of --worker_tls_cert.");
DEFINE_string(worker_client_ca, "", "PEM file: who signs the workers' certificates.");
DEFINE_string(
    refused_workers_file, "",
    "File with the names of workers that are refused, one a line; read again when it changes.");
DEFINE_int32(max_connection_age, longshore::policy::kMaxConnectionAge.count(),
             "Seconds after which a connection is ended, and with it the identity it showed.");
DEFINE_string(bootstrap_token_file, "",
              "If there is no token yet, makes one that may do everything and writes it there.");
DEFINE_int64(max_open_tasks_per_project, 0,
             "Tasks of a project that have not ended; 0: any number.");
DEFINE_int64(max_instances_per_project, 0,
             "Instances of a project that are not terminated; 0: any number.");
DEFINE_int32(max_watches_per_token, 0, "Watches of a token that are open here; 0: any number.");
DEFINE_int32(requests_per_second_per_token, 0, "Requests of a token here; 0: any number.");
DEFINE_string(database_url, "", "PostgreSQL connection string, postgresql://...");
DEFINE_string(
    database_url_file, "",
    "File whose first line is the connection string, instead of --database_url: a password "
    "on a command line is there for every user of the machine to read.");
DEFINE_string(
    allowed_payload_dirs, "",
    "Comma-separated absolute directories that payload_path may be in, for one project only "
    "after PROJECT:; empty: none.");
DEFINE_string(allowed_remote_dirs, "",
              "Comma-separated directories that remote_path may be in; empty: any.");
DEFINE_int32(default_payload_timeout, longshore::policy::kDefaultPayloadTimeout.count(),
             "Seconds that a script may run when timeout is 0.");
DEFINE_int32(max_payload_timeout, longshore::policy::kMaxPayloadTimeout.count(),
             "Largest timeout that may be asked for, in seconds.");
DEFINE_int64(max_payload_bytes, longshore::policy::kMaxPayloadBytes, "Largest script.");
DEFINE_int64(max_output_bytes, longshore::policy::kMaxOutputBytes,
             "Output stored of one payload: first and last half.");
DEFINE_int32(delivery_timeout, longshore::policy::kDeliveryTimeout.count(),
             "Seconds after which an undelivered payload fails.");
DEFINE_int32(
    execution_grace, longshore::policy::kExecutionGrace.count(),
    "Seconds past its timeout after which the server ends what an instance has not ended.");
DEFINE_string(authorized_keys_file, "",
              "File with the OpenSSH public keys that new machines let in: the workers' keys.");
DEFINE_int32(max_running_per_instance, longshore::policy::kMaxRunningPerInstance,
             "Payloads in work on one instance at a time.");
DEFINE_int32(lease_duration_ms, longshore::policy::kLeaseDuration.count(),
             "How long a silent worker keeps a task.");
DEFINE_bool(lease_groups, true,
            "Renew leases that have been held for a while together, where workers know how.");
DEFINE_int32(retry_initial_ms, longshore::BackoffOptions().initial.count(),
             "First delay after a failed delivery; doubles from there.");
DEFINE_int32(retry_maximum_ms, longshore::BackoffOptions().maximum.count(),
             "Longest delay between two tries of a delivery.");
DEFINE_string(providers, "",
              "Comma-separated: local, digitalocean; the providers that may make instances.");
DEFINE_string(local_instances_dir, longshore::providers::ProviderOptions().local_directory,
              "Where the provider 'local' keeps its instances.");
DEFINE_string(digitalocean_token_file, "",
              "File with the token of the provider 'digitalocean'; empty: $DIGITALOCEAN_TOKEN.");
DEFINE_string(digitalocean_url, longshore::providers::DigitalOceanOptions().url,
              "Where its API is.");
DEFINE_string(webhooks_file, "",
              "File with the webhooks that are told of deployments; read again when it changes.");
DEFINE_string(webhook_private_addresses, "",
              "Comma-separated networks, 10.1.0.0/16, that are not of the public Internet and that "
              "webhooks may be in all the same; empty: none.");
DEFINE_int32(retain_payloads, 90, "Days that payloads are kept after their end; 0: for ever.");
DEFINE_int32(retain_request_ids, 7, "Days that answers to request ids are kept; 0: for ever.");
DEFINE_int32(retain_audit, 400, "Days that the audit is kept, at least 30; 0: for ever.");
DEFINE_int32(database_connections, longshore::policy::kDatabaseConnections,
             "Most connections to the database.");

namespace longshore {
namespace {

std::vector<std::string> SplitList(const std::string& list) {
  return absl::StrSplit(list, ',', absl::SkipEmpty());
}

// Of "shop:/srv/shop,/srv/common" the first is for the project shop only.
std::vector<domain::PayloadDirectory> PayloadDirectories() {
  std::vector<domain::PayloadDirectory> directories;
  for (const std::string& entry : SplitList(FLAGS_allowed_payload_dirs)) {
    const size_t colon = entry[0] == '/' ? std::string::npos : entry.find(":/");
    directories.push_back(colon == std::string::npos
                              ? domain::PayloadDirectory{.path = entry}
                              : domain::PayloadDirectory{.path = entry.substr(colon + 1),
                                                         .project = entry.substr(0, colon)});
  }
  return directories;
}

// Empty when there is none.
std::string DigitalOceanToken() {
  if (!FLAGS_digitalocean_token_file.empty()) return FirstLine(FLAGS_digitalocean_token_file);
  const char* variable = std::getenv("DIGITALOCEAN_TOKEN");
  return std::string(absl::StripAsciiWhitespace(variable == nullptr ? "" : variable));
}

absl::StatusOr<std::string> ReadDatabaseUrl() {
  if (FLAGS_database_url.empty() == FLAGS_database_url_file.empty()) {
    return absl::InvalidArgumentError("one of --database_url_file and --database_url is required");
  }
  std::string url = FLAGS_database_url;
  if (url.empty()) {
    url = FirstLine(FLAGS_database_url_file);
    if (url.empty()) {
      return absl::InvalidArgumentError("--database_url_file: '" + FLAGS_database_url_file +
                                        "' cannot be read or has no first line");
    }
  }
  RETURN_IF_ERROR(storage::CheckUrl(url));
  return url;
}

}  // namespace

const absl::StatusOr<std::string>& DatabaseUrl() {
  // Once: what stands in a pipe is there once.
  static const auto* const kUrl = new absl::StatusOr<std::string>(ReadDatabaseUrl());
  return *kUrl;
}

std::string FlagProblem() {
  if (const auto& url = DatabaseUrl(); !url.ok()) return std::string(url.status().message());
  for (const domain::PayloadDirectory& directory : PayloadDirectories()) {
    if (directory.path[0] != '/') {
      return "--allowed_payload_dirs: '" + directory.path + "' must be absolute";
    }
  }
  for (const std::string& name : SplitList(FLAGS_providers)) {
    if (name != "local" && name != "digitalocean") {
      return "--providers: '" + name + "' is not one of local, digitalocean";
    }
  }
  for (const std::string& directory : SplitList(FLAGS_allowed_remote_dirs)) {
    if (directory[0] != '/') return "--allowed_remote_dirs: '" + directory + "' must be absolute";
  }
  if (FLAGS_max_payload_timeout < 1) return "--max_payload_timeout must be positive";
  if (FLAGS_default_payload_timeout < 1 ||
      FLAGS_default_payload_timeout > FLAGS_max_payload_timeout) {
    return "--default_payload_timeout must be 1 to --max_payload_timeout";
  }
  if (FLAGS_max_payload_bytes < 1 || FLAGS_max_payload_bytes > (4 << 20)) {
    return "--max_payload_bytes must be 1 to 4194304";
  }
  if (FLAGS_max_output_bytes < 2 || FLAGS_max_output_bytes > (16 << 20)) {
    return "--max_output_bytes must be 2 to 16777216";
  }
  if (FLAGS_delivery_timeout < 1) return "--delivery_timeout must be positive";
  if (FLAGS_execution_grace < 1) return "--execution_grace must be positive";
  if (FLAGS_max_running_per_instance < 1) return "--max_running_per_instance must be positive";
  if (FLAGS_lease_duration_ms < 1000) return "--lease_duration_ms must be at least 1000";
  if (FLAGS_retry_initial_ms < 1 || FLAGS_retry_maximum_ms < FLAGS_retry_initial_ms) {
    return "--retry_initial_ms must be positive and at most --retry_maximum_ms";
  }
  if (FLAGS_local_instances_dir.empty() || FLAGS_local_instances_dir[0] != '/') {
    return "--local_instances_dir: '" + FLAGS_local_instances_dir + "' must be absolute";
  }
  if (!FLAGS_digitalocean_token_file.empty() && DigitalOceanToken().empty()) {
    return "--digitalocean_token_file: '" + FLAGS_digitalocean_token_file +
           "' cannot be read or is empty";
  }
  for (const auto& [flag, value] :
       {std::pair<const char*, int64_t>("max_open_tasks_per_project",
                                        FLAGS_max_open_tasks_per_project),
        {"max_instances_per_project", FLAGS_max_instances_per_project},
        {"max_watches_per_token", FLAGS_max_watches_per_token},
        {"requests_per_second_per_token", FLAGS_requests_per_second_per_token}}) {
    if (value < 0) return "--" + std::string(flag) + " must not be negative; 0 means no limit";
  }
  for (const auto& [flag, days] :
       {std::pair<const char*, int32_t>("payloads", FLAGS_retain_payloads),
        {"request_ids", FLAGS_retain_request_ids},
        {"audit", FLAGS_retain_audit}}) {
    if (days < 0 || days > 36500) return "--retain_" + std::string(flag) + " must be 0 to 36500";
  }
  if (FLAGS_retain_audit > 0 && FLAGS_retain_audit < 30) {
    return "--retain_audit must be at least 30, or 0";
  }
  if (FLAGS_max_connection_age < 1 || FLAGS_max_connection_age > 86400) {
    return "--max_connection_age must be 1 to 86400";
  }
  if (const auto rules = webhooks::AddressRules::Make(SplitList(FLAGS_webhook_private_addresses));
      !rules.ok()) {
    return "--webhook_private_addresses: " + std::string(rules.status().message());
  }
  if (FLAGS_database_connections < 6) return "--database_connections must be at least 6";
  return "";
}

ServerOptions OptionsFromFlags() {
  ServerOptions options;
  options.listen = FLAGS_listen;
  options.worker_listen = FLAGS_worker_listen;
  options.http_listen = FLAGS_http_listen;
  options.http = {.hosts = SplitList(FLAGS_http_hosts), .origins = SplitList(FLAGS_http_origins)};
  options.open_metrics = FLAGS_open_metrics;
  options.insecure = FLAGS_insecure;
  options.tls = {FLAGS_tls_cert, FLAGS_tls_key, FLAGS_tls_client_ca};
  options.worker_tls = {FLAGS_worker_tls_cert, FLAGS_worker_tls_key, FLAGS_worker_client_ca};
  options.max_connection_age = std::chrono::seconds(FLAGS_max_connection_age);
  options.refused_workers_file = FLAGS_refused_workers_file;
  options.deploy.quotas = {.open_tasks = FLAGS_max_open_tasks_per_project,
                           .instances = FLAGS_max_instances_per_project};
  options.max_watches_per_token = FLAGS_max_watches_per_token;
  options.requests_per_second_per_token = FLAGS_requests_per_second_per_token;
  options.bootstrap_token_file = FLAGS_bootstrap_token_file;
  options.database_url = *DatabaseUrl();
  options.allowed_payload_dirs = PayloadDirectories();
  options.max_payload_bytes = FLAGS_max_payload_bytes;
  options.max_output_bytes = FLAGS_max_output_bytes;
  options.deploy.default_payload_timeout = FLAGS_default_payload_timeout;
  options.deploy.max_payload_timeout = FLAGS_max_payload_timeout;
  options.deploy.delivery_timeout = std::chrono::seconds(FLAGS_delivery_timeout);
  options.deploy.allowed_remote_dirs = SplitList(FLAGS_allowed_remote_dirs);
  options.execution_grace = std::chrono::seconds(FLAGS_execution_grace);
  options.authorized_keys_file = FLAGS_authorized_keys_file;
  options.max_running_per_instance = FLAGS_max_running_per_instance;
  options.lease_duration = std::chrono::milliseconds(FLAGS_lease_duration_ms);
  options.lease_groups = FLAGS_lease_groups;
  options.retry_backoff = {.initial = std::chrono::milliseconds(FLAGS_retry_initial_ms),
                           .maximum = std::chrono::milliseconds(FLAGS_retry_maximum_ms)};
  options.providers.digitalocean = {.url = FLAGS_digitalocean_url, .token = DigitalOceanToken()};
  options.providers.enabled = SplitList(FLAGS_providers);
  options.providers.local_directory = FLAGS_local_instances_dir;
  const auto days = [](int32_t count) { return std::chrono::hours(24) * count; };
  options.retention = {.payloads = days(FLAGS_retain_payloads),
                       .request_ids = days(FLAGS_retain_request_ids),
                       .audit = days(FLAGS_retain_audit)};
  options.webhooks = {
      .file = FLAGS_webhooks_file,
      .addresses =
          webhooks::AddressRules::Make(SplitList(FLAGS_webhook_private_addresses)).value()};
  options.database_connections = FLAGS_database_connections;
  return options;
}

}  // namespace longshore
