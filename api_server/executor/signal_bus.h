// Delivers domain::Signals within this api_server at once, and to the other replicas, if there are
// any, by NOTIFY.
#ifndef LONGSHORE_API_SERVER_EXECUTOR_SIGNAL_BUS_H_
#define LONGSHORE_API_SERVER_EXECUTOR_SIGNAL_BUS_H_

#include <chrono>
#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "api_server/domain/signals.h"
#include "common/mutex.h"
#include "storage/database.h"

namespace longshore::executor {

// What a signal says. It comes from this replica or from another.
struct SignalSet {
  bool tasks_due = false;
  bool payload_tasks_due = false;  // Only of payloads. Other replicas are told of `tasks_due`.
  bool instances = false;          // Some have changed.
  bool all_payloads = false;  // Too many have changed to name them, or some signals were missed.
  std::set<int64_t> payloads;
  std::set<int64_t> cancels;
  std::set<int64_t> recalls;
  bool hello = false;  // Its sender has begun to listen.

  bool empty() const {
    return !tasks_due && !payload_tasks_due && !instances && !all_payloads && payloads.empty() &&
           cancels.empty() && recalls.empty() && !hello;
  }
};

// Returns the text of a NOTIFY: "ORIGIN h t i c4 r5 p1,2,3". Payload ids that do not fit its 8,000
// bytes become "p*".
std::string EncodeSignals(std::string_view origin, const SignalSet& signals);
// Returns false when `text` is not such a text, or comes from `own_origin`.
bool DecodeSignals(std::string_view text, std::string_view own_origin, SignalSet* signals);

// Thread-safe. It has two threads: one sends all gathered signals in one NOTIFY, one listens.
//
// Nothing is sent while no other replica listens. Who begins to listen says hello, and looks at
// everything; a replica that was alone then says that everything may have changed, for what it did
// not send meanwhile.
class SignalBus : public domain::Signals {
 public:
  // Calls `handler` with every signal, on the caller's thread or the listener's. It must not block.
  SignalBus(storage::Database* database, std::function<void(const SignalSet&)> handler);
  ~SignalBus() override;

  void TasksDue() override;
  void PayloadTasksDue() override;
  void PayloadsChanged(const std::vector<int64_t>& payload_ids) override;
  void InstancesChanged() override;
  void CancelRequested(const std::vector<int64_t>& task_ids) override;
  void RecallRequested(const std::vector<int64_t>& task_ids) override;

  // Returns whether it has found that no other replica listens.
  bool IsAlone() ABSL_LOCKS_EXCLUDED(mutex_);

  // Ends both threads. From then on signals are delivered within this process only.
  void Shutdown() ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  void Publish(const SignalSet& signals) ABSL_LOCKS_EXCLUDED(mutex_);
  // Has `signals` sent to the other replicas.
  void Tell(const SignalSet& signals) ABSL_LOCKS_EXCLUDED(mutex_);
  // Returns false when no other replica listens, as far as is known.
  bool OthersListen() ABSL_LOCKS_EXCLUDED(mutex_);
  // Takes what another replica says.
  void Hear(const SignalSet& signals) ABSL_LOCKS_EXCLUDED(mutex_);
  void SendLoop() ABSL_LOCKS_EXCLUDED(mutex_);
  void ListenLoop() ABSL_LOCKS_EXCLUDED(mutex_);
  // Listens until the connection breaks or Shutdown.
  void ListenOnce() ABSL_LOCKS_EXCLUDED(mutex_);
  bool stopping() ABSL_LOCKS_EXCLUDED(mutex_);

  storage::Database& database_;
  const std::function<void(const SignalSet&)> handler_;
  const std::string origin_;
  const int wake_fd_;
  Mutex mutex_;
  CondVar changed_;
  SignalSet pending_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  int listener_pid_ ABSL_GUARDED_BY(mutex_) = 0;  // 0: nobody here listens, nor hears a hello.
  bool alone_ ABSL_GUARDED_BY(mutex_) = false;    // As of the last look, or what was heard since.
  int64_t heard_ ABSL_GUARDED_BY(mutex_) = 0;     // How often others were heard of.
  std::chrono::steady_clock::time_point look_at_ ABSL_GUARDED_BY(mutex_);
  std::thread sender_;
  std::thread listener_;
};

}  // namespace longshore::executor

#endif  // LONGSHORE_API_SERVER_EXECUTOR_SIGNAL_BUS_H_
