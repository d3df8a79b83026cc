// The task executor without gRPC and SSH: two of them on one real PostgreSQL, and workers in this
// process that run every payload, lose some, tell twice, and come back late. Runs under the thread
// sanitizer, which the real programs can't.
#include <gtest/gtest.h>

#include <atomic>
#include <deque>
#include <map>
#include <random>
#include <thread>
#include <utility>

#include "api_server/executor/dispatcher.h"
#include "api_server/executor/event_applier.h"
#include "api_server/executor/event_sink.h"
#include "api_server/executor/signal_bus.h"
#include "api_server/executor/worker_registry.h"
#include "storage/testing/database_fixture.h"

namespace longshore::executor {
namespace {

constexpr auto kLease = std::chrono::milliseconds(400);
constexpr int kPayloads = 300;
constexpr int kInstances = 40;

// Tells that some payload has changed.
class Bell {
 public:
  void Ring() {
    {
      MutexLock lock(&mutex_);
      rung_ = true;
    }
    changed_.NotifyAll();
  }
  // False when the deadline is over first.
  bool Wait(std::chrono::steady_clock::time_point deadline) {
    MutexLock lock(&mutex_);
    while (!rung_ && std::chrono::steady_clock::now() < deadline) {
      changed_.WaitUntil(&mutex_, deadline);
    }
    return std::exchange(rung_, false);
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  bool rung_ ABSL_GUARDED_BY(mutex_) = false;
};

// The executor's part of one api_server.
class Replica {
 public:
  Replica(const std::string& url, Bell* bell)
      : bell_(*bell),
        database_({.url = url}),
        signals_(&database_, [this](const SignalSet& set) { OnSignals(set); }),
        applier_(&database_, {.retry_backoff = {.initial = std::chrono::milliseconds(10),
                                                .maximum = std::chrono::milliseconds(100)}}),
        sink_(&database_, &applier_, &signals_, kLease),
        dispatcher_(&database_, &workers_, &signals_,
                    {.claim = {.lease_duration = kLease}, .max_output_bytes = 1 << 20}) {
    ready_ = true;
    dispatcher_.Wake();
  }
  ~Replica() {
    ready_ = false;
    dispatcher_.Shutdown();
    sink_.Shutdown();
    signals_.Shutdown();
  }
  WorkerRegistry& workers() { return workers_; }
  EventSink& sink() { return sink_; }
  void Wake() { dispatcher_.Wake(); }

 private:
  void OnSignals(const SignalSet& set) {
    if (ready_ && (set.tasks_due || set.payload_tasks_due)) dispatcher_.Wake();
    if (!set.payloads.empty() || set.all_payloads) bell_.Ring();
  }

  Bell& bell_;
  std::atomic<bool> ready_ = false;
  storage::Database database_;
  WorkerRegistry workers_;
  SignalBus signals_;
  EventApplier applier_;
  EventSink sink_;
  Dispatcher dispatcher_;
};

// What the instances would know: how often each payload's script was started.
class Ledger {
 public:
  // True for the first one.
  bool Start(int64_t payload_id) {
    MutexLock lock(&mutex_);
    return ++starts_[payload_id] == 1;
  }

 private:
  Mutex mutex_;
  std::map<int64_t, int> starts_ ABSL_GUARDED_BY(mutex_);
};

// One worker on a thread of its own. Loses one assignment in ten, as if it had died with it, tells
// one in five twice, and one in ten so late that its lease is over.
class Worker : public WorkerSession, public std::enable_shared_from_this<Worker> {
 public:
  Worker(Replica* replica, Ledger* ledger, int number)
      : replica_(*replica),
        ledger_(*ledger),
        random_(number),
        name_("w" + std::to_string(number)) {}

  void Run() {
    key_ = replica_.workers().Add(shared_from_this(), name_, 8);
    replica_.Wake();
    thread_ = std::thread([this] { Loop(); });
  }
  void Stop() {
    replica_.workers().Remove(key_);
    {
      MutexLock lock(&mutex_);
      stopping_ = true;
    }
    changed_.NotifyAll();
    thread_.join();
  }

  void End(const absl::Status& /*why*/) override {}

  bool Send(v1::ServerMessage message) override {
    {
      MutexLock lock(&mutex_);
      if (!message.has_assignment()) return true;
      assignments_.push_back(std::move(*message.mutable_assignment()));
    }
    changed_.NotifyAll();
    return true;
  }
  void Processed(size_t /*bytes*/) override {}
  const std::string& worker() const override { return name_; }
  int lost() const { return lost_; }

 private:
  void Loop() {
    while (true) {
      v1::Assignment assignment;
      {
        MutexLock lock(&mutex_);
        while (assignments_.empty() && !stopping_) changed_.Wait(&mutex_);
        if (stopping_) return;
        assignment = std::move(assignments_.front());
        assignments_.pop_front();
      }
      if (assignment.cleanup()) {
        SendCleaned(assignment);
      } else {
        Handle(assignment);
      }
      replica_.workers().AddCredit(key_, 1);
      replica_.Wake();
    }
  }

  void Handle(const v1::Assignment& assignment) {
    const unsigned fate = random_() % 10;
    ledger_.Start(assignment.payload_id());
    if (fate == 0) {  // Dies with it: the lease runs out.
      ++lost_;
      return;
    }
    if (fate ==
        1) {  // Held up past its lease; what it tells then is refused if somebody else has gone on.
      const auto until = std::chrono::steady_clock::now() + kLease * 2;
      MutexLock lock(&mutex_);
      while (!stopping_ && std::chrono::steady_clock::now() < until) {
        changed_.WaitUntil(&mutex_, until);
      }
    }
    v1::TaskEvents events;
    Add(assignment, &events)->mutable_transferred()->set_remote_path(assignment.remote_path());
    Add(assignment, &events)->mutable_executing();
    v1::OutputChunk* output = Add(assignment, &events)->mutable_output();
    output->set_data("payload " + std::to_string(assignment.payload_id()));
    const int64_t bytes = static_cast<int64_t>(output->data().size());
    v1::Finished* finished = Add(assignment, &events)->mutable_finished();
    finished->set_status(v1::PAYLOAD_STATUS_COMPLETED);
    finished->set_executed(true);
    finished->set_exit_code(0);
    finished->set_output_bytes(bytes);
    if (fate < 4) replica_.sink().AddEvents(shared_from_this(), events);
    replica_.sink().AddEvents(shared_from_this(), std::move(events));
  }

  v1::TaskEvent* Add(const v1::Assignment& assignment, v1::TaskEvents* events) {
    v1::TaskEvent* event = events->add_events();
    event->set_sequence(++sequence_);
    event->set_task_id(assignment.task_id());
    event->set_lease_epoch(assignment.lease_epoch());
    return event;
  }

  void SendCleaned(const v1::Assignment& assignment) {
    v1::TaskEvents events;
    v1::Cleaned* cleaned = Add(assignment, &events)->mutable_cleaned();
    cleaned->set_payload_id(assignment.payload_id());
    cleaned->set_attempt(assignment.attempt());
    replica_.sink().AddEvents(shared_from_this(), std::move(events));
  }

  Replica& replica_;
  Ledger& ledger_;
  std::mt19937 random_;
  const std::string name_;
  int64_t key_ = 0;
  uint64_t sequence_ = 0;
  std::atomic<int> lost_ = 0;
  Mutex mutex_;
  CondVar changed_;
  std::deque<v1::Assignment> assignments_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

class ExecutorTest : public storage::DatabaseFixture {
 protected:
  int64_t CountCompleted() {
    return std::stoll(
        QueryValue("SELECT count(*) FROM payloads WHERE status = 'COMPLETED'"
                   " AND executed AND exit_code = 0"));
  }
};

TEST_F(ExecutorTest, EveryPayloadEndsOnceWhateverBecomesOfItsWorkers) {
  std::vector<int64_t> instances;
  instances.reserve(kInstances);
  for (int i = 0; i < kInstances; ++i) instances.push_back(AddInstance(std::to_string(i)));
  for (int i = 0; i < kPayloads; ++i) {
    AddPayload(instances[i % kInstances], "/path" + std::to_string(i % 3));
  }
  Ledger ledger;
  Bell bell;
  int lost = 0;
  {
    Replica first(url_, &bell);
    Replica second(url_, &bell);
    std::vector<std::shared_ptr<Worker>> workers;
    for (int i = 0; i < 6; ++i) {
      workers.push_back(std::make_shared<Worker>(i % 2 == 0 ? &first : &second, &ledger, i));
      workers.back()->Run();
    }
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::minutes(3);
    while (CountCompleted() < kPayloads) ASSERT_TRUE(bell.Wait(deadline)) << CountCompleted();
    for (const auto& worker : workers) {
      worker->Stop();
      lost += worker->lost();
    }
  }
  EXPECT_GT(lost, 0) << "the test was too kind";
  for (int64_t id = 1; id <= kPayloads; ++id) {
    EXPECT_FALSE(ledger.Start(id)) << "payload " << id << " completed without a start";
    Do([&](storage::Connection& c) -> absl::Status {
      ASSIGN_OR_RETURN(const std::string output, storage::output_store::ReadEnds(c, id, 1 << 20));
      EXPECT_EQ(output, "payload " + std::to_string(id));
      return absl::OkStatus();
    });
  }
}

}  // namespace
}  // namespace longshore::executor
