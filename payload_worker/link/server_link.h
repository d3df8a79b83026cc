// The worker's end of the stream to an api_server. It reconnects to any of several api_servers and
// sends again what was not acknowledged.
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

// Returns how long the link waits before it connects again after `failures` failures in a row.
std::chrono::milliseconds ReconnectDelay(int failures);

struct ServerLinkOptions {
  std::vector<std::string> servers;  // host:port
  std::string name;
  std::string version;
  std::string pool;                   // Whose instances the worker reaches.
  std::vector<std::string> projects;  // Whose tasks the worker takes; none: every project's.
  std::shared_ptr<grpc::ChannelCredentials> credentials;
  const Clock* clock = Clock::Real();
  std::function<std::chrono::milliseconds(int failures)> reconnect_delay = ReconnectDelay;
};

// What the link calls in the worker, on gRPC's threads. None of them may block.
struct ServerLinkHandlers {
  std::function<void(v1::Assignment assignment)> on_assignment;
  // The task is to stop; `unless_started`: only if its script has not been started.
  std::function<void(int64_t task_id, bool unless_started)> on_cancel;
  // The lease is lost: the worker has to let go of the task.
  std::function<void(const LeaseKey& key)> on_lost;
  // An event that ended a task has been committed.
  std::function<void(const v1::TaskEvent& event)> on_committed;
  std::function<void(v1::Script script)> on_script;
  std::function<void(const v1::HostKeyDecision& decision)> on_host_key;
  // A new stream is open. What was requested on the last one and not answered has to be requested
  // again.
  std::function<void()> on_connected;
  // Returns how many more assignments the worker would take now. The link keeps its credit at the
  // api_server equal to that.
  std::function<int()> capacity;
};

// Thread-safe. A connection goes from connecting to open (the hello is written), to ended (nothing
// more is started on it), to done.
class ServerLink {
 public:
  ServerLink(ServerLinkOptions options, Outbox* outbox, LeaseTable* leases,
             ServerLinkHandlers handlers);
  ~ServerLink();

  // Begins to connect. Called once, when everything that the handlers use exists.
  void Start();

  // Sends what there is to send: events, credit, leases to confirm.
  void SendPending() ABSL_LOCKS_EXCLUDED(mutex_);
  void RequestScript(const std::string& sha256) ABSL_LOCKS_EXCLUDED(mutex_);
  // Returns the lease_duration of the last Welcome.
  std::chrono::milliseconds lease_duration() ABSL_LOCKS_EXCLUDED(mutex_);
  // Returns true while an api_server has welcomed this worker.
  bool is_connected() ABSL_LOCKS_EXCLUDED(mutex_);
  void Shutdown() ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  class Stream;
  struct SentHeartbeat {
    std::chrono::nanoseconds sent_at;
    std::vector<LeaseKey> keys;
    std::vector<LeaseGroup> groups;
    bool makes_group;  // Of `keys`.
  };

  void ConnectLoop() ABSL_LOCKS_EXCLUDED(mutex_);
  // Connects to `server` and returns when that connection has ended.
  void ServeStream(const std::string& server) ABSL_LOCKS_EXCLUDED(mutex_);
  // Fills in the next message to write; returns false when there is none. Called when no write is
  // under way.
  bool NextMessage(v1::WorkerMessage* message) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool NextHeartbeat(v1::WorkerMessage* message) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void MaybeWrite() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void HandleMessage(v1::ServerMessage message) ABSL_LOCKS_EXCLUDED(mutex_);
  void HandleRenewed(const v1::LeasesRenewed& renewed) ABSL_LOCKS_EXCLUDED(mutex_);
  // Notes what became of the groups of a heartbeat; `until` is for those that were renewed.
  void NoteGroups(const std::vector<LeaseGroup>& sent, const std::set<int64_t>& refused,
                  std::chrono::nanoseconds until) ABSL_LOCKS_EXCLUDED(mutex_);
  void OnWritten(bool ok) ABSL_LOCKS_EXCLUDED(mutex_);
  void OnReadEnded() ABSL_LOCKS_EXCLUDED(mutex_);
  void OnStreamDone(const grpc::Status& status) ABSL_LOCKS_EXCLUDED(mutex_);
  // Ends the connection; ConnectLoop goes on to the next server.
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
  bool knows_groups_ ABSL_GUARDED_BY(mutex_) = false;  // The server does.
  bool group_due_ ABSL_GUARDED_BY(mutex_) = false;     // Leases may have settled since the last.
  // Refused by the last answer, and asked for once more.
  std::set<int64_t> doubtful_groups_ ABSL_GUARDED_BY(mutex_);
  int credit_ ABSL_GUARDED_BY(mutex_) = 0;  // Assignments that the server may still send.
  std::deque<std::string> script_requests_ ABSL_GUARDED_BY(mutex_);
  uint64_t heartbeat_sequence_ ABSL_GUARDED_BY(mutex_) = 0;
  std::map<uint64_t, SentHeartbeat> heartbeats_ ABSL_GUARDED_BY(mutex_);  // Unanswered.
  std::chrono::milliseconds lease_duration_ ABSL_GUARDED_BY(mutex_) = policy::kLeaseDuration;
  std::thread thread_;
};

}  // namespace longshore

#endif  // LONGSHORE_PAYLOAD_WORKER_LINK_SERVER_LINK_H_
