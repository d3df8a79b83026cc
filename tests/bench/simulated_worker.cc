// A worker without instances: it says of each payload at once that it ran and printed a line. Ends
// once that has been stored for as many as it was told, with the seconds from the first assignment
// to the last acknowledgement.
#include <gflags/gflags.h>
#include <google/protobuf/util/time_util.h>
#include <grpcpp/grpcpp.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "common/mutex.h"
#include "longshore/v1/worker_service.grpc.pb.h"
#include "tests/harness/tls_flags.h"

DEFINE_string(server, "", "HOST:PORT that workers dial.");
DEFINE_int32(capacity, 1000, "How many payloads it takes at a time.");
DEFINE_int32(tasks, 1, "After how many it ends.");

namespace longshore {
namespace {

using Clock = std::chrono::steady_clock;
using Stream = grpc::ClientReaderWriter<v1::WorkerMessage, v1::ServerMessage>;

constexpr char kOutput[] = "done\n";
// As many payloads as the events of one message are about, at most.
constexpr size_t kPayloadsTogether = 100;

// Hands assignments from who reads them to who reports them. Thread-safe. No more than the capacity
// are in it, for more are not assigned.
class Assignments {
 public:
  void Add(v1::Assignment assignment) ABSL_LOCKS_EXCLUDED(mutex_) {
    const MutexLock lock(&mutex_);
    waiting_.push_back(std::move(assignment));
    changed_.NotifyAll();
  }
  void End() ABSL_LOCKS_EXCLUDED(mutex_) {
    const MutexLock lock(&mutex_);
    ended_ = true;
    changed_.NotifyAll();
  }
  // Some of those that wait, as soon as there are any; none after the end.
  std::vector<v1::Assignment> Take() ABSL_LOCKS_EXCLUDED(mutex_) {
    const MutexLock lock(&mutex_);
    while (waiting_.empty() && !ended_) changed_.Wait(&mutex_);
    const size_t count = std::min(waiting_.size(), kPayloadsTogether);
    const auto end = waiting_.begin() + static_cast<std::ptrdiff_t>(count);
    std::vector<v1::Assignment> taken(std::make_move_iterator(waiting_.begin()),
                                      std::make_move_iterator(end));
    waiting_.erase(waiting_.begin(), end);
    return taken;
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  std::vector<v1::Assignment> waiting_ ABSL_GUARDED_BY(mutex_);
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;
};

// Adds an event of `assignment` that is numbered, for its kind to be set.
v1::TaskEvent& AddEvent(const v1::Assignment& assignment, uint64_t* sequence,
                        v1::TaskEvents* events) {
  v1::TaskEvent& event = *events->add_events();
  event.set_sequence(++*sequence);
  event.set_task_id(assignment.task_id());
  event.set_lease_epoch(assignment.lease_epoch());
  return event;
}

void AddRun(const v1::Assignment& assignment, uint64_t* sequence, v1::TaskEvents* events) {
  AddEvent(assignment, sequence, events)
      .mutable_transferred()
      ->set_remote_path(assignment.remote_path());
  AddEvent(assignment, sequence, events).mutable_executing();
  AddEvent(assignment, sequence, events).mutable_output()->set_data(kOutput);
  v1::Finished& finished = *AddEvent(assignment, sequence, events).mutable_finished();
  finished.set_status(v1::PAYLOAD_STATUS_COMPLETED);
  finished.set_executed(true);
  finished.set_exit_code(0);
  finished.set_output_bytes(sizeof(kOutput) - 1);
  *finished.mutable_execution_time() = google::protobuf::util::TimeUtil::MillisecondsToDuration(1);
}

// Reports what is assigned, until the end of the assignments.
void Report(Assignments* assignments, Stream* stream) {
  uint64_t sequence = 0;
  while (true) {
    const std::vector<v1::Assignment> taken = assignments->Take();
    if (taken.empty()) return;
    v1::WorkerMessage events;
    for (const v1::Assignment& assignment : taken) {
      AddRun(assignment, &sequence, events.mutable_events());
    }
    v1::WorkerMessage credit;
    credit.mutable_credit()->set_count(static_cast<int32_t>(taken.size()));
    if (!stream->Write(events) || !stream->Write(credit)) return;
  }
}

// Reads until all are stored, or the stream is over; the seconds that it took.
double Read(Assignments* assignments, Stream* stream) {
  constexpr uint64_t kEventsOfOne = 4;
  const uint64_t last = kEventsOfOne * static_cast<uint64_t>(FLAGS_tasks);
  Clock::time_point begun;
  int assigned = 0;
  v1::ServerMessage message;
  while (stream->Read(&message)) {
    if (message.has_assignment()) {
      if (++assigned == 1) begun = Clock::now();
      assignments->Add(std::move(*message.mutable_assignment()));
    } else if (message.has_acknowledge() && message.acknowledge().sequence() >= last) {
      return std::chrono::duration<double>(Clock::now() - begun).count();
    }
  }
  return -1;
}

int Main() {
  const auto stub = v1::WorkerService::NewStub(
      grpc::CreateChannel(FLAGS_server, harness::CredentialsFromFlags()));
  grpc::ClientContext context;
  const std::unique_ptr<Stream> stream = stub->Connect(&context);
  v1::WorkerMessage message;
  v1::WorkerHello& hello = *message.mutable_hello();
  hello.set_name("simulated");
  hello.set_incarnation(std::to_string(Clock::now().time_since_epoch().count()));
  hello.set_capacity(FLAGS_capacity);
  stream->Write(message);

  Assignments assignments;
  std::thread reporter(Report, &assignments, stream.get());
  const double seconds = Read(&assignments, stream.get());
  assignments.End();
  context.TryCancel();
  reporter.join();
  printf("seconds=%.3f\n", seconds);
  return seconds < 0 ? 1 : 0;
}

}  // namespace
}  // namespace longshore

int main(int argc, char** argv) {
  gflags::ParseCommandLineFlags(&argc, &argv, true);
  return longshore::Main();
}
