// api_server: the public services, the task executor and the workers' streams, over one PostgreSQL
// database.
#include <gflags/gflags.h>
#include <glog/logging.h>

#include <iostream>

#include "api_server/flags.h"
#include "api_server/server.h"
#include "common/backoff.h"
#include "common/logging.h"
#include "common/policy.h"
#include "common/shutdown.h"
#include "common/version.h"

DEFINE_int32(database_wait, 60, "Seconds to wait for the database at the start.");

namespace longshore {
namespace {

constexpr BackoffOptions kDatabaseAway{.initial = std::chrono::milliseconds(200),
                                       .maximum = std::chrono::milliseconds(3000)};

int Main() {
  ShutdownSignals signals;
  if (const std::string problem = FlagProblem(); !problem.empty()) {
    std::cerr << "api_server: " << problem << "\n";
    return 2;
  }
  auto server = Server::Start(OptionsFromFlags());
  const auto deadline =
      std::chrono::steady_clock::now() + std::chrono::seconds(FLAGS_database_wait);
  for (int failures = 1; absl::IsUnavailable(server.status()); ++failures) {
    if (std::chrono::steady_clock::now() >= deadline) break;
    LOG(WARNING) << server.status() << "; trying again";
    if (signals.WaitFor(BackoffDelay(kDatabaseAway, failures, UniformRandom())) != 0) return 0;
    server = Server::Start(OptionsFromFlags());
  }
  if (!server.ok()) {
    std::cerr << "api_server: " << server.status().message() << "\n";
    return 1;
  }
  LOG(INFO) << "api_server is ready on port " << (*server)->port() << ", for workers on port "
            << (*server)->worker_port();
  // LOG() takes the time before the expression is evaluated.
  const int signal = signals.Wait();
  LOG(INFO) << "signal " << signal << ": draining";
  ShutdownSignals::ExitAfter(policy::kDrainLimit);
  (*server)->Drain();
  LOG(INFO) << "drained";
  return 0;
}

}  // namespace
}  // namespace longshore

int main(int argc, char** argv) {
  gflags::SetUsageMessage("the api_server of Longshore; see docs/operations.md");
  gflags::SetVersionString(std::string(longshore::kVersion));
  gflags::ParseCommandLineFlags(&argc, &argv, /*remove_flags=*/true);
  const longshore::Logging logging(argv[0]);
  return longshore::Main();
}
