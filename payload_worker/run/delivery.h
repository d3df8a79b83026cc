// The part of a payload's way for which libssh has to block: it connects, logs in, uploads the
// script, and starts the run or attaches to it.
#ifndef LONGSHORE_PAYLOAD_WORKER_RUN_DELIVERY_H_
#define LONGSHORE_PAYLOAD_WORKER_RUN_DELIVERY_H_

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "common/networks.h"
#include "longshore/v1/worker_service.pb.h"
#include "payload_worker/link/lease_key.h"
#include "payload_worker/link/lease_table.h"
#include "payload_worker/link/outbox.h"
#include "payload_worker/link/script_cache.h"
#include "payload_worker/run/remote_run.h"
#include "payload_worker/run/runner_command.h"
#include "payload_worker/ssh/connect.h"
#include "payload_worker/ssh/key_ring.h"
#include "payload_worker/ssh/session.h"
#include "payload_worker/ssh/session_pool.h"

namespace longshore::run {

// What deliveries share. All of it outlives them.
struct DeliveryContext {
  ssh::KeyRing* keys;
  ssh::Dialer dialer;
  ScriptCache* scripts;
  ssh::SessionPool* sessions;
  LeaseTable* leases;
  Outbox* outbox;
  // Asks the server to pin the host key of an instance that has none, and returns the pinned key;
  // see HostKeySeen.
  std::function<absl::StatusOr<std::string>(const LeaseKey& key, const std::string& host_key)>
      pin_host_key;
  // Returns true when the task is to stop, even if only unless its script has been started.
  std::function<bool(const LeaseKey& key)> cancelled;
  std::function<std::chrono::milliseconds()> lease_duration;
};

// Returns where the instance of an assignment is, and how it is reached.
ssh::Target TargetOf(const v1::Assignment& assignment);

// One try to deliver a payload. Blocks a connector thread; not thread-safe.
class Delivery {
 public:
  // `on_socket` is called with the socket that this delivery waits for.
  Delivery(const DeliveryContext& context, v1::Assignment assignment, ssh::OnSocket on_socket);

  // Goes as far as it can. Returns the run for the follower, or null when there is nothing to
  // follow; then the last event is in the outbox already.
  std::unique_ptr<RemoteRun> Deliver();

  // Carries out a cleanup assignment: stops what still runs and removes the run directory. Returns
  // OK once that is gone.
  absl::Status Clean();

 private:
  // Over a connection that was kept, if there is one; if that fails before anything was started,
  // over a new one.
  absl::StatusOr<std::unique_ptr<RemoteRun>> TryDeliver();
  absl::StatusOr<std::unique_ptr<RemoteRun>> DeliverOverSession();
  // Returns whether to do it all again over a new connection, since `status` may be the fault of
  // the one that was kept.
  bool MayReconnect(const absl::Status& status) const;
  absl::Status CleanOverSession();
  // Returns an error when a runner that was asked for `mode` must not say `record` now.
  absl::Status CheckAnswer(RunnerMode mode, const RunnerRecord& record) const;
  // Goes on after the runner, asked for `mode`, has said `record`.
  absl::StatusOr<std::unique_ptr<RemoteRun>> Conclude(RunnerMode mode, const RunnerRecord& record);
  // Takes a session from the pool. Returns false when it has none.
  bool Reuse();
  // Connects and logs in; counted, as Upload and StartRunner are.
  absl::Status Connect();
  absl::StatusOr<std::unique_ptr<ssh::Session>> OpenSession(const ssh::PrivateKey& key);
  // Lets the session serve another task.
  void GiveBackSession();
  void DropSession();
  // Uploads the script to a temporary file beside remote_path.
  absl::Status Upload();
  absl::Status SendScript();
  // Reports that the upload has become the file at remote_path.
  void ReportTransferred();
  // Starts the remote runner and reads its first record. If that is kReady and the task is not
  // cancelled, it says "go" and reads the answer. Returns the last record read.
  absl::StatusOr<RunnerRecord> StartRunner(RunnerMode mode);
  absl::StatusOr<RunnerRecord> AskRunner(RunnerMode mode);
  absl::StatusOr<RunnerRecord> NextRecord();
  // Says "go" once the lease is confirmed for long enough.
  absl::Status Go();
  // Waits until a "go" that was not answered can no longer take effect.
  void WaitUntilGoExpires() const;
  // Makes a run for the follower of what has been started or found.
  absl::StatusOr<std::unique_ptr<RemoteRun>> MakeRemoteRun(const RunnerRecord& running);
  absl::StatusOr<std::unique_ptr<RemoteRun>> End(v1::TaskEvent event);

  const DeliveryContext& context_;
  const ssh::OnSocket on_socket_;
  v1::Assignment assignment_;
  const LeaseKey key_;
  std::chrono::milliseconds go_limit_{0};
  // "go" was said to run the script, so only the instance knows whether it runs.
  bool told_to_start_ = false;
  bool told_to_go_ = false;
  // When "go" was written; unset once it has been answered.
  std::optional<std::chrono::steady_clock::time_point> go_unanswered_since_;
  bool is_running_ = false;  // The instance has said that the run is there.
  std::string upload_;       // The temporary file on the instance, until it is renamed.
  int uploads_ = 0;          // That were begun under this lease.
  std::unique_ptr<ssh::Session> session_;
  std::unique_ptr<RemoteRun> run_;
};

}  // namespace longshore::run

#endif  // LONGSHORE_PAYLOAD_WORKER_RUN_DELIVERY_H_
