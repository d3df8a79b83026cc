// The worker's end of the stream to an api_server: reconnects to any of several, sends again what
// was not acknowledged.
#ifndef LONGSHORE_PAYLOAD_WORKER_LINK_SERVER_LINK_H_
#define LONGSHORE_PAYLOAD_WORKER_LINK_SERVER_LINK_H_

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "common/clock.h"
#include "common/mutex.h"
#include "common/policy.h"
#include "longshore/v1/worker_service.grpc.pb.h"
#include "payload_worker/link/lease_key.h"
#include "payload_worker/link/lease_table.h"
#include "payload_worker/link/outbox.h"

namespace longshore {

// How long the link waits before it connects again, after so many failures in a row.
std::chrono::milliseconds ReconnectDelay(int failures);

struct ServerLinkOptions {
  std::vector<std::string> servers;  // host:port
  std::string name;
  std::string version;
  const Clock* clock = Clock::Real();
  std::function<std::chrono::milliseconds(int failures)> reconnect_delay = ReconnectDelay;
};

// What the link asks of the worker, on gRPC's threads; none may block.
struct ServerLinkHandlers {
  std::function<void(v1::Assignment assignment)> on_assignment;
  std::function<void(int64_t task_id, bool unless_started)> on_cancel;
  std::function<void(const LeaseKey& key)> on_lost;
  // An event that ended a task is committed.
  std::function<void(const v1::TaskEvent& event)> on_committed;
  std::function<void(v1::Script script)> on_script;
  std::function<void(const v1::HostKeyDecision& decision)> on_host_key;
  // A new stream: what was asked on the last one has to be asked again.
  std::function<void()> on_connected;
  // How many assignments the worker would take now, in all.
  std::function<int()> capacity;
};

// Thread-safe. States of a connection: connecting -> open (hello written) -> ended (nothing is
// started on it any more) -> done.
class ServerLink {
 public:
  ServerLink(ServerLinkOptions options, Outbox* outbox, LeaseTable* leases,
             ServerLinkHandlers handlers);
  ~ServerLink();

  // Begins to connect. Once, after everything that the handlers touch is there.
  void Start();

  // There may be something to send: an event, credit, a lease to confirm.
  void SendPending() ABSL_LOCKS_EXCLUDED(mutex_);
  void RequestScript(const std::string& sha256) ABSL_LOCKS_EXCLUDED(mutex_);
  // Of the last Welcome.
  std::chrono::milliseconds lease_duration() ABSL_LOCKS_EXCLUDED(mutex_);
  void Shutdown() ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  class Stream;
  struct SentHeartbeat {
    std::chrono::nanoseconds sent_at;
    std::vector<LeaseKey> keys;
  };

  void ConnectLoop() ABSL_LOCKS_EXCLUDED(mutex_);
  // Holds one connection until it ends.
  void ServeStream(const std::string& server) ABSL_LOCKS_EXCLUDED(mutex_);
  // Fills in the next message to write; false when there is none. Called with the stream's write
  // free.
  bool NextMessage(v1::WorkerMessage* message) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool NextHeartbeat(v1::WorkerMessage* message) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void MaybeWrite() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void HandleMessage(v1::ServerMessage message) ABSL_LOCKS_EXCLUDED(mutex_);
  void HandleRenewed(const v1::LeasesRenewed& renewed) ABSL_LOCKS_EXCLUDED(mutex_);
  void OnWritten(bool ok) ABSL_LOCKS_EXCLUDED(mutex_);
  void OnReadEnded() ABSL_LOCKS_EXCLUDED(mutex_);
  void OnStreamDone(const grpc::Status& status) ABSL_LOCKS_EXCLUDED(mutex_);
  // Ends the connection; the manager goes on to the next server.
  void CancelStream() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const ServerLinkOptions options_;
  const std::string incarnation_;
  Outbox& outbox_;
  LeaseTable& leases_;
  const ServerLinkHandlers handlers_;

  Mutex mutex_;
  CondVar changed_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  Stream* stream_ ABSL_GUARDED_BY(mutex_) = nullptr;  // Deletes itself when it is done.
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;
  bool welcomed_ ABSL_GUARDED_BY(mutex_) = false;
  bool hello_sent_ ABSL_GUARDED_BY(mutex_) = false;
  bool heartbeat_due_ ABSL_GUARDED_BY(mutex_) = false;
  int credit_ ABSL_GUARDED_BY(mutex_) = 0;  // Assignments that the server may still send.
  std::deque<std::string> script_requests_ ABSL_GUARDED_BY(mutex_);
  uint64_t heartbeat_sequence_ ABSL_GUARDED_BY(mutex_) = 0;
  std::map<uint64_t, SentHeartbeat> heartbeats_ ABSL_GUARDED_BY(mutex_);  // Unanswered.
  std::chrono::milliseconds lease_duration_ ABSL_GUARDED_BY(mutex_) = policy::kLeaseDuration;
  std::thread thread_;
};

}  // namespace longshore

#endif  // LONGSHORE_PAYLOAD_WORKER_LINK_SERVER_LINK_H_
