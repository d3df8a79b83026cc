// api_server: the public services, the task executor and the workers' streams, over one PostgreSQL
// database.
#include <gflags/gflags.h>
#include <glog/logging.h>

#include <functional>
#include <iostream>
#include <memory>
#include <string>

#include "api_server/flags.h"
#include "api_server/server.h"
#include "common/abseil_checks.h"
#include "common/backoff.h"
#include "common/logging.h"
#include "common/policy.h"
#include "common/process_limits.h"
#include "common/service_notifier.h"
#include "common/shutdown.h"
#include "common/status_macros.h"
#include "common/version.h"
#include "storage/database_url.h"
#include "storage/migrator.h"

DEFINE_bool(migrate_only, false,
            "Brings the database's schema to this version, as --database_url's role, and ends.");
DEFINE_bool(check, false, "Says whether flags and files are good, and ends; asks no database.");
DEFINE_string(log_format, "text", "text, as glog writes it, or json: one object a line.");
DEFINE_int32(database_wait, 60, "Seconds to wait for the database at the start.");

namespace longshore {
namespace {

constexpr BackoffOptions kDatabaseAway{.initial = std::chrono::milliseconds(200),
                                       .maximum = std::chrono::milliseconds(3000)};

// Does `begin` again while the database is away, for as long as --database_wait says. Returns
// Cancelled when the program is to end meanwhile.
absl::Status AwaitDatabase(ShutdownSignals* signals, const std::function<absl::Status()>& begin) {
  const auto deadline =
      std::chrono::steady_clock::now() + std::chrono::seconds(FLAGS_database_wait);
  absl::Status status = begin();
  for (int failures = 1; absl::IsUnavailable(status); ++failures) {
    if (std::chrono::steady_clock::now() >= deadline) break;
    LOG(WARNING) << status << "; trying again";
    if (signals->WaitFor(BackoffDelay(kDatabaseAway, failures, UniformRandom())) != 0) {
      return absl::CancelledError();
    }
    status = begin();
  }
  return status;
}

// The exit status of a program that does not come to serve.
int Ended(const absl::Status& status) {
  if (status.ok() || absl::IsCancelled(status)) return 0;
  std::cerr << "api_server: " << status.message() << "\n";
  return 1;
}

int Check(const ServerOptions& options) {
  const absl::Status status = Server::Check(options);
  if (status.ok()) std::cout << "the configuration is good\n";
  if (status.ok() && storage::IsExposed(options.database_url)) {
    std::cout << "advice: the database is on another machine, and its URL does not say "
                 "sslmode=verify-full: scripts and output can be read, or answered, on the way\n";
  }
  return Ended(status);
}

int Main() {
  ShutdownSignals signals;
  if (const std::string problem = FlagProblem(); !problem.empty()) {
    std::cerr << "api_server: " << problem << "\n";
    return 2;
  }
  const ServerOptions options = OptionsFromFlags();
  if (FLAGS_check) return Check(options);
  if (FLAGS_migrate_only) {
    return Ended(AwaitDatabase(&signals, [&] { return storage::Migrate(options.database_url); }));
  }
  std::unique_ptr<Server> server;
  const absl::Status started = AwaitDatabase(&signals, [&]() -> absl::Status {
    ASSIGN_OR_RETURN(server, Server::Start(options));
    return absl::OkStatus();
  });
  if (!started.ok()) return Ended(started);
  LOG(INFO) << "api_server is ready on port " << server->port() << ", for workers on port "
            << server->worker_port()
            << (server->http_port() == 0
                    ? ""
                    : ", for HTTP on port " + std::to_string(server->http_port()));
  ServiceNotifier notifier([&server] { return server->state(); });
  notifier.Ready();
  // LOG() takes the time before the expression is evaluated.
  const int signal = signals.Wait();
  LOG(INFO) << "signal " << signal << ": draining";
  ShutdownSignals::ExitAfter(policy::kDrainLimit);
  notifier.Stopping("draining");
  server->Drain();
  LOG(INFO) << "drained";
  return 0;
}

}  // namespace
}  // namespace longshore

int main(int argc, char** argv) {
  longshore::SkipLockOrderChecks();
  longshore::ForbidCoreDumps();
  longshore::RaiseFileLimit();
  gflags::SetUsageMessage("the api_server of Longshore; see docs/operations.md");
  gflags::SetVersionString(std::string(longshore::kVersion));
  gflags::ParseCommandLineFlags(&argc, &argv, /*remove_flags=*/true);
  longshore::LogFormat format = longshore::LogFormat::kText;
  if (!longshore::ParseLogFormat(FLAGS_log_format, &format)) {
    std::cerr << "api_server: --log_format must be text or json\n";
    return 2;
  }
  const longshore::Logging logging(argv[0], format);
  return longshore::Main();
}
