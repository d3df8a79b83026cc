// The part of a payload's way that libssh can only do blocking: connect, log in, upload, start or
// attach.
#ifndef LONGSHORE_PAYLOAD_WORKER_RUN_DELIVERY_H_
#define LONGSHORE_PAYLOAD_WORKER_RUN_DELIVERY_H_

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "longshore/v1/worker_service.pb.h"
#include "payload_worker/link/lease_key.h"
#include "payload_worker/link/lease_table.h"
#include "payload_worker/link/outbox.h"
#include "payload_worker/link/script_cache.h"
#include "payload_worker/run/remote_run.h"
#include "payload_worker/run/runner_command.h"
#include "payload_worker/ssh/session.h"

namespace longshore::run {

// What a delivery works with. Everything outlives it.
struct DeliveryContext {
  const ssh::PrivateKey* key;
  ssh::Watchdog* watchdog;
  ssh::Timeouts timeouts;
  ScriptCache* scripts;
  LeaseTable* leases;
  Outbox* outbox;
  // Asks the server to pin the key of an instance that has none; see HostKeySeen.
  std::function<absl::StatusOr<std::string>(const LeaseKey& key, const std::string& host_key)>
      pin_host_key;
  std::function<bool(const LeaseKey& key)> cancelled;
  std::function<std::chrono::milliseconds()> lease_duration;
};

// One try. Not thread-safe.
class Delivery {
 public:
  // `on_socket` is told of the socket that this delivery waits for.
  Delivery(const DeliveryContext& context, v1::Assignment assignment, ssh::OnSocket on_socket);

  // Goes as far as it can. Returns the run to be followed, or null when there is none: then the
  // last event is with the outbox.
  std::unique_ptr<RemoteRun> Deliver();

  // Stops what still runs and removes the run directory of a cleanup assignment; OK once it is
  // gone.
  absl::Status Clean();

 private:
  absl::StatusOr<std::unique_ptr<RemoteRun>> TryDeliver();
  // The runner, asked for `mode`, may say `record` now.
  absl::Status CheckAnswer(RunnerMode mode, const RunnerRecord& record) const;
  // What becomes of it after the runner, asked for `mode`, has said `record`.
  absl::StatusOr<std::unique_ptr<RemoteRun>> Conclude(RunnerMode mode, const RunnerRecord& record);
  absl::Status Connect();
  // Puts the script beside remote_path.
  absl::Status Upload();
  // The upload has become the file at remote_path.
  void ReportTransferred();
  // Runs the remote runner until its first record that matters; gives "go" when it may.
  absl::StatusOr<RunnerRecord> StartRunner(RunnerMode mode);
  absl::StatusOr<RunnerRecord> NextRecord();
  // Passes the lease's check, then says go.
  absl::Status Go();
  // Returns when a "go" that was not answered comes too late, wherever it may be.
  void WaitUntilGoExpires() const;
  // Makes a followed run of what has been started or found.
  absl::StatusOr<std::unique_ptr<RemoteRun>> MakeRemoteRun(const RunnerRecord& running);
  absl::StatusOr<std::unique_ptr<RemoteRun>> End(v1::TaskEvent event);

  const DeliveryContext& context_;
  const ssh::OnSocket on_socket_;
  v1::Assignment assignment_;
  const LeaseKey key_;
  std::chrono::milliseconds go_limit_{0};
  bool told_to_start_ = false;  // From then on only the instance knows whether the script runs.
  bool told_to_go_ = false;
  // When "go" was written, while it has not been answered.
  std::optional<std::chrono::steady_clock::time_point> go_unanswered_since_;
  bool is_running_ = false;  // The instance says so.
  std::string upload_;       // Temporary file on the instance, until it has its place.
  std::unique_ptr<ssh::Session> session_;
  std::unique_ptr<RemoteRun> run_;
};

}  // namespace longshore::run

#endif  // LONGSHORE_PAYLOAD_WORKER_RUN_DELIVERY_H_
