// payload_worker: delivers scripts over SSH and follows them, for the api_servers it dials.
#include <gflags/gflags.h>
#include <glog/logging.h>
#include <unistd.h>

#include <iostream>
#include <memory>

#include "absl/strings/str_split.h"
#include "common/abseil_checks.h"
#include "common/logging.h"
#include "common/policy.h"
#include "common/process_limits.h"
#include "common/service_notifier.h"
#include "common/short_name.h"
#include "common/shutdown.h"
#include "common/tls.h"
#include "common/utf8.h"
#include "common/version.h"
#include "http/server.h"
#include "payload_worker/status_page.h"
#include "payload_worker/worker.h"

DEFINE_string(api_server, "127.0.0.1:50052",
              "Comma-separated addresses of api_servers, for workers.");
DEFINE_string(tls_ca, "", "PEM file: who signs the certificates of the api_servers.");
DEFINE_string(tls_cert, "", "PEM file: this worker's certificate; it names the worker.");
DEFINE_string(tls_key, "", "PEM file: the key of --tls_cert.");
DEFINE_bool(insecure, false, "Without TLS; only to api_servers on loopback.");
DEFINE_bool(check, false, "Says whether flags and files are good, and ends; asks no api_server.");
DEFINE_string(log_format, "text", "text, as glog writes it, or json: one object a line.");
DEFINE_string(http_listen, "",
              "Address of /healthz, /readyz and /metrics; beyond loopback by TLS. Empty: none.");
DEFINE_string(ssh_private_key, "",
              "File with the private key that logs in to instances of projects without their own.");
DEFINE_string(ssh_keys_dir, "",
              "Directory with private keys named like their projects, and one named default.");
DEFINE_string(projects, "", "Comma-separated projects whose tasks it takes; empty: every one.");
DEFINE_string(pool, longshore::policy::kDefaultPool,
              "The pool of the instances that it reaches; it takes no tasks of others.");
DEFINE_string(allowed_addresses, "",
              "Comma-separated networks of the addresses that it may dial; empty: any.");
DEFINE_bool(require_host_key, false, "Refuse instances whose host key is not known yet.");
DEFINE_string(ansible_playbook, "ansible-playbook", "The program that provisions instances.");
DEFINE_string(provision_playbook, "/usr/share/longshore/ansible/main.yml",
              "The playbook that it runs.");
DEFINE_int32(provision_timeout, 900, "Seconds that one run of it may take.");
DEFINE_int32(provision_forks, 20, "Instances that one run works on at a time.");
DEFINE_string(name, "", "Name of this worker; empty: the host's name and the process id.");
DEFINE_int32(max_connecting, 64, "Connections being made at a time.");
DEFINE_int32(ssh_idle_seconds, 60,
             "Seconds that a connection to an instance is kept for the next task; 0: it is not.");
DEFINE_int32(max_running, 10000, "Tasks held at a time.");
DEFINE_int64(max_outbox_bytes, longshore::Outbox::kDefaultMaxBytes,
             "Output held in memory for the api_server; more waits on the instances.");

namespace longshore {
namespace {

// WorkerOptions::drain_timeout, and the connections that are being made to their own limits.
constexpr std::chrono::seconds kDrainLimit{60};
// An api_server takes no more.
constexpr size_t kMaxNameBytes = 255;

std::string DefaultName() {
  char host[256] = "";
  gethostname(host, sizeof(host) - 1);
  return std::string(host) + "-" + std::to_string(getpid());
}

// Says what is missing of TLS; empty when nothing is.
std::string TlsProblem() {
  if (FLAGS_insecure) {
    for (const auto& server : absl::StrSplit(FLAGS_api_server, ',', absl::SkipEmpty())) {
      if (IsLoopback(std::string(server))) continue;
      return "--insecure is for loopback addresses only, and " + std::string(server) +
             " is none: use TLS (docs/security.md)";
    }
    return "";
  }
  if (FLAGS_tls_ca.empty() || FLAGS_tls_cert.empty() || FLAGS_tls_key.empty()) {
    return "--tls_ca, --tls_cert and --tls_key are required: the api_server knows a worker by its "
           "certificate (docs/security.md; on loopback --insecure does without)";
  }
  const absl::Status files = CheckTlsFiles({FLAGS_tls_cert, FLAGS_tls_key, FLAGS_tls_ca});
  return files.ok() ? "" : "--tls_ca, --tls_cert, --tls_key: " + std::string(files.message());
}

// A task that is held has a connection open; one that is being made has a file too, and Ansible
// and the streams have some.
void CheckFileLimit() {
  const int64_t files = RaiseFileLimit();
  const int64_t wanted = FLAGS_max_running + int64_t{2} * FLAGS_max_connecting + 256;
  if (files >= wanted) return;
  LOG(WARNING) << "no more than " << files
               << " files can be open, and --max_running=" << FLAGS_max_running << " may need "
               << wanted << ": raise the limit (ulimit -n, LimitNOFILE=)";
}

// Tells how the worker stands, to whoever asks; null without --http_listen. By TLS where others can
// listen, with the worker's certificate.
absl::StatusOr<std::unique_ptr<http::Server>> ServeStatus(StatusPage* page) {
  if (FLAGS_http_listen.empty()) return nullptr;
  http::ServerOptions options{.listen = FLAGS_http_listen, .max_connections = 100};
  if (!IsLoopback(FLAGS_http_listen)) options.tls = {FLAGS_tls_cert, FLAGS_tls_key, ""};
  return http::Server::Start(options, page);
}

// How it stands, for who starts it again when it hangs.
ServiceState ServiceStateOf(Worker* worker) {
  const WorkerState state = worker->state();
  return {.alive = state.alive,
          .status = std::string(state.connected ? "connected" : "no api_server answers") +
                    "; tasks: " + std::to_string(state.tasks)};
}

int Main() {
  ShutdownSignals signals;
  WorkerOptions options;
  options.servers = absl::StrSplit(FLAGS_api_server, ',', absl::SkipEmpty());
  options.name = FLAGS_name.empty() ? DefaultName() : FLAGS_name;
  options.max_connecting = FLAGS_max_connecting;
  options.ssh_idle = std::chrono::seconds(FLAGS_ssh_idle_seconds);
  options.max_running = FLAGS_max_running;
  options.max_outbox_bytes = FLAGS_max_outbox_bytes;
  options.ansible = {.program = FLAGS_ansible_playbook,
                     .playbook = FLAGS_provision_playbook,
                     .time_limit = std::chrono::seconds(FLAGS_provision_timeout),
                     .forks = FLAGS_provision_forks};
  if (!FLAGS_insecure) options.tls = {FLAGS_tls_cert, FLAGS_tls_key, FLAGS_tls_ca};
  std::string problem = TlsProblem();
  if (options.servers.empty()) problem = "--api_server is required";
  options.keys = {.file = FLAGS_ssh_private_key, .directory = FLAGS_ssh_keys_dir};
  options.pool = FLAGS_pool;
  options.projects = absl::StrSplit(FLAGS_projects, ',', absl::SkipEmpty());
  options.require_host_key = FLAGS_require_host_key;
  if (FLAGS_ssh_private_key.empty() && FLAGS_ssh_keys_dir.empty()) {
    problem = "--ssh_private_key or --ssh_keys_dir is required";
  }
  const auto allowed =
      Networks::Parse(absl::StrSplit(FLAGS_allowed_addresses, ',', absl::SkipEmpty()));
  if (allowed.ok()) {
    options.allowed = *allowed;
  } else {
    problem = "--allowed_addresses: " + std::string(allowed.status().message());
  }
  if (ToPrintableLine(options.name, kMaxNameBytes) != options.name) {
    problem = "--name must be UTF-8 without control characters, at most 255 bytes";
  }
  if (!IsShortName(options.pool)) {
    problem = "--pool must be letters, digits, '.', '_' and '-', at most 64";
  }
  if (FLAGS_max_connecting < 1 || FLAGS_max_connecting > 1024) {
    problem = "--max_connecting must be 1 to 1024";
  }
  if (FLAGS_provision_timeout < 1) problem = "--provision_timeout must be positive";
  if (FLAGS_provision_forks < 1) problem = "--provision_forks must be positive";
  if (FLAGS_ssh_idle_seconds < 0 || FLAGS_ssh_idle_seconds > 600) {
    problem = "--ssh_idle_seconds must be 0 to 600";
  }
  if (FLAGS_max_running < 1) problem = "--max_running must be positive";
  if (FLAGS_max_outbox_bytes < 1 << 20) problem = "--max_outbox_bytes must be at least 1048576";
  if (FLAGS_insecure && !FLAGS_http_listen.empty() && !IsLoopback(FLAGS_http_listen)) {
    problem = "--http_listen must be a loopback address with --insecure";
  }
  if (!problem.empty()) {
    std::cerr << "payload_worker: " << problem << "\n";
    return 2;
  }
  if (const absl::Status keys = ssh::KeyRing(options.keys).CheckAll(); !keys.ok()) {
    std::cerr << "payload_worker: " << keys.message() << "\n";
    return 1;
  }
  if (FLAGS_check) {
    std::cout << "the configuration is good\n";
    return 0;
  }
  CheckFileLimit();
  Worker worker(std::move(options));
  StatusPage page(&worker);
  const auto http_server = ServeStatus(&page);
  if (!http_server.ok()) {
    std::cerr << "payload_worker: " << http_server.status().message() << "\n";
    return 1;
  }
  // Without an api_server too: it dials until there is one.
  ServiceNotifier notifier([&worker] { return ServiceStateOf(&worker); });
  notifier.Ready();
  // LOG() takes the time before the expression is evaluated.
  const int signal = signals.Wait();
  LOG(INFO) << "signal " << signal << ": draining";
  ShutdownSignals::ExitAfter(kDrainLimit);
  notifier.Stopping("draining");
  worker.Drain();
  LOG(INFO) << "drained";
  return 0;
}

}  // namespace
}  // namespace longshore

int main(int argc, char** argv) {
  longshore::SkipLockOrderChecks();
  longshore::ForbidCoreDumps();
  gflags::SetUsageMessage("the payload_worker of Longshore; see docs/operations.md");
  gflags::SetVersionString(std::string(longshore::kVersion));
  gflags::ParseCommandLineFlags(&argc, &argv, /*remove_flags=*/true);
  longshore::LogFormat format = longshore::LogFormat::kText;
  if (!longshore::ParseLogFormat(FLAGS_log_format, &format)) {
    std::cerr << "payload_worker: --log_format must be text or json\n";
    return 2;
  }
  const longshore::Logging logging(argv[0], format);
  return longshore::Main();
}
