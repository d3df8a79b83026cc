// The workers that are connected to this api_server, with the credit of each.
#ifndef LONGSHORE_API_SERVER_EXECUTOR_WORKER_REGISTRY_H_
#define LONGSHORE_API_SERVER_EXECUTOR_WORKER_REGISTRY_H_

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "common/mutex.h"
#include "longshore/v1/worker_service.pb.h"
#include "storage/reach.h"

namespace longshore::executor {

// One connected worker, as the executor sees it. Thread-safe.
class WorkerSession {
 public:
  virtual ~WorkerSession() = default;
  // Returns the worker's name, once it has said hello. The session may report only about tasks that
  // this worker holds.
  virtual const std::string& worker() const = 0;
  // Returns that name and the others in its certificate.
  virtual std::vector<std::string> names() const { return {worker()}; }
  // Queues a message. Returns false when the stream has ended.
  virtual bool Send(v1::ServerMessage message) = 0;
  // Lets the stream read on, because `bytes` of what it has read are processed; see EventSink.
  virtual void Processed(size_t bytes) = 0;
  // Ends the stream, unless it has ended.
  virtual void End(const absl::Status& why) = 0;
};

// Thread-safe.
class WorkerRegistry {
 public:
  // Returns the key for the calls below. Sends Drain at once if BeginDrain was called before.
  // `reach` says which tasks the worker takes.
  int64_t Add(std::shared_ptr<WorkerSession> session, const std::string& name, int credit,
              const storage::Reach& reach = {}) ABSL_LOCKS_EXCLUDED(mutex_);
  void Remove(int64_t key) ABSL_LOCKS_EXCLUDED(mutex_);
  // The sum of a worker's credit stays within kMaxCredit (event_rules.h).
  void AddCredit(int64_t key, int count) ABSL_LOCKS_EXCLUDED(mutex_);

  // Room for one assignment.
  struct Slot {
    int64_t key;
    std::string worker;
  };
  // Returns what the connected workers reach, each once. Who takes credit does so for one after the
  // other.
  std::vector<storage::Reach> Reaches() ABSL_LOCKS_EXCLUDED(mutex_);
  // Takes up to `maximum` slots of workers with exactly this reach, one of each in turn.
  std::vector<Slot> TakeCredit(int maximum, const storage::Reach& reach = {})
      ABSL_LOCKS_EXCLUDED(mutex_);
  // Takes up to `maximum` slots of the one of them with the most credit.
  std::vector<Slot> TakeCreditOfOne(int maximum, const storage::Reach& reach)
      ABSL_LOCKS_EXCLUDED(mutex_);
  bool HasCredit() ABSL_LOCKS_EXCLUDED(mutex_);

  // Returns false when the worker is gone.
  bool Send(int64_t key, v1::ServerMessage message) ABSL_LOCKS_EXCLUDED(mutex_);
  void SendToAll(const v1::ServerMessage& message) ABSL_LOCKS_EXCLUDED(mutex_);
  // Tells all connected workers, and those that connect later, to go to another api_server.
  void BeginDrain() ABSL_LOCKS_EXCLUDED(mutex_);
  // Ends the sessions of the workers of whose names one is `refused`.
  void End(const std::function<bool(const std::string& name)>& refused, const absl::Status& why)
      ABSL_LOCKS_EXCLUDED(mutex_);
  // Returns the names of the connected workers. A name may come twice.
  std::vector<std::string> Names() ABSL_LOCKS_EXCLUDED(mutex_);
  int size() ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  struct Entry {
    std::shared_ptr<WorkerSession> session;
    std::string name;
    int credit;
    storage::Reach reach;
  };
  Mutex mutex_;
  std::map<int64_t, Entry> entries_ ABSL_GUARDED_BY(mutex_);
  int64_t next_key_ ABSL_GUARDED_BY(mutex_) = 1;
  int64_t first_taken_ ABSL_GUARDED_BY(mutex_) = 0;  // Whose the first slot was last.
  bool draining_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace longshore::executor

#endif  // LONGSHORE_API_SERVER_EXECUTOR_WORKER_REGISTRY_H_
