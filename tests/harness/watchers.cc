// Thousands of watches in one process, as clients of all languages would open them: of payloads, or
// of one deployment. Says "watching N" once each has had its first event, and at their end
// one line of what they saw.
#include <gflags/gflags.h>
#include <google/protobuf/timestamp.pb.h>
#include <google/protobuf/util/time_util.h>
#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "common/mutex.h"
#include "longshore/v1/payload_service.grpc.pb.h"
#include "tests/harness/tls_flags.h"

DEFINE_string(server, "", "HOST:PORT of an api_server.");
DEFINE_string(payload_ids, "", "Payloads to watch, with commas between; watches take turns.");
DEFINE_int64(deployment_id, 0, "The deployment to watch, unless payloads are given.");
DEFINE_int32(watches, 1, "How many watches.");
DEFINE_int32(connections, 1, "Over how many connections.");
DEFINE_int32(idle, 0, "How many of the watches read their first event and no other.");

namespace longshore {
namespace {

using google::protobuf::util::TimeUtil;
using Service = v1::PayloadService;

// Counts what all watches together have reached. Thread-safe.
class Progress {
 public:
  void Watching() ABSL_LOCKS_EXCLUDED(mutex_) {
    const MutexLock lock(&mutex_);
    ++watching_;
    changed_.NotifyAll();
  }
  // Says so now and then, for who waits.
  void Event() {
    constexpr int64_t kLot = 10000;
    const int64_t events = ++events_;
    if (events % kLot != 0) return;
    printf("events %lld\n", static_cast<long long>(events));
    fflush(stdout);
  }
  void Ended() ABSL_LOCKS_EXCLUDED(mutex_) {
    const MutexLock lock(&mutex_);
    ++ended_;
    changed_.NotifyAll();
  }
  void AwaitWatching(int watches) ABSL_LOCKS_EXCLUDED(mutex_) {
    const MutexLock lock(&mutex_);
    while (watching_ < watches) changed_.Wait(&mutex_);
  }
  void AwaitEnded(int watches) ABSL_LOCKS_EXCLUDED(mutex_) {
    const MutexLock lock(&mutex_);
    while (ended_ < watches) changed_.Wait(&mutex_);
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  std::atomic<int64_t> events_ = 0;
  int watching_ ABSL_GUARDED_BY(mutex_) = 0;
  int ended_ ABSL_GUARDED_BY(mutex_) = 0;
};

// What one watch has seen. Written by the calls of its stream, which come one at a time.
struct Seen {
  grpc::Status status;
  int64_t events = 0;
  int64_t output_bytes = 0;
  int64_t completed = 0;  // Payloads that it was told are COMPLETED.
  // Between a payload's change, after the watch began, and the event here.
  std::vector<int64_t> delays_us;
};

void SeePayload(const v1::Payload& payload, const google::protobuf::Timestamp& begun, Seen* seen) {
  seen->completed += payload.status() == v1::PAYLOAD_STATUS_COMPLETED ? 1 : 0;
  if (payload.updated_at() < begun) return;
  const auto delay = TimeUtil::GetCurrentTime() - payload.updated_at();
  seen->delays_us.push_back(TimeUtil::DurationToMicroseconds(delay));
}

void See(const v1::PayloadEvent& event, const google::protobuf::Timestamp& begun, Seen* seen) {
  seen->output_bytes += static_cast<int64_t>(event.output().data().size());
  if (event.has_payload()) SeePayload(event.payload(), begun, seen);
}

void See(const v1::DeploymentEvent& event, const google::protobuf::Timestamp& begun, Seen* seen) {
  if (event.has_payload()) SeePayload(event.payload(), begun, seen);
}

template <typename Event>
class Watch : public grpc::ClientReadReactor<Event> {
 public:
  Watch(Progress* progress, bool idle) : progress_(*progress), idle_(idle) {
    const char* token = std::getenv("LONGSHORE_TOKEN");
    if (token != nullptr) context_.AddMetadata("authorization", "Bearer " + std::string(token));
  }

  grpc::ClientContext* context() { return &context_; }
  void Start() {
    this->StartRead(&event_);
    this->StartCall();
  }
  // Use it once the watch has ended.
  const Seen& seen() const { return seen_; }

  void OnReadDone(bool ok) override {
    if (!ok) return;
    See(event_, begun_, &seen_);
    progress_.Event();
    if (++seen_.events == 1) {
      progress_.Watching();
      if (idle_) return;
    }
    this->StartRead(&event_);
  }

  void OnDone(const grpc::Status& status) override {
    seen_.status = status;
    if (seen_.events == 0) progress_.Watching();
    progress_.Ended();
  }

 private:
  Progress& progress_;
  const bool idle_;
  const google::protobuf::Timestamp begun_ = TimeUtil::GetCurrentTime();
  grpc::ClientContext context_;
  Event event_;
  Seen seen_;
};

std::vector<int64_t> PayloadIds() {
  std::vector<int64_t> ids;
  for (const absl::string_view text : absl::StrSplit(FLAGS_payload_ids, ',', absl::SkipEmpty())) {
    int64_t id = 0;
    if (absl::SimpleAtoi(text, &id)) ids.push_back(id);
  }
  return ids;
}

std::vector<std::unique_ptr<Service::Stub>> Connect() {
  std::vector<std::unique_ptr<Service::Stub>> stubs;
  for (int i = 0; i < FLAGS_connections; ++i) {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    // What is not read stays with the server, and does not fill this process.
    arguments.SetInt(GRPC_ARG_HTTP2_BDP_PROBE, 0);
    stubs.push_back(Service::NewStub(
        grpc::CreateCustomChannel(FLAGS_server, harness::CredentialsFromFlags(), arguments)));
  }
  return stubs;
}

int64_t Quantile(const std::vector<int64_t>& sorted, double part) {
  if (sorted.empty()) return 0;
  return sorted[static_cast<size_t>(part * static_cast<double>(sorted.size() - 1))];
}

template <typename Event>
void Report(const std::vector<std::unique_ptr<Watch<Event>>>& watches) {
  int broken = 0;
  std::string first_error;
  int64_t events = 0;
  int64_t least_bytes = INT64_MAX;
  int64_t least_completed = INT64_MAX;
  std::vector<int64_t> delays;
  for (const auto& watch : watches) {
    const Seen& seen = watch->seen();
    if (!seen.status.ok() && ++broken == 1) first_error = seen.status.error_message();
    events += seen.events;
    least_bytes = std::min(least_bytes, seen.output_bytes);
    least_completed = std::min(least_completed, seen.completed);
    delays.insert(delays.end(), seen.delays_us.begin(), seen.delays_us.end());
  }
  std::sort(delays.begin(), delays.end());
  if (broken > 0) printf("the first error: %s\n", first_error.c_str());
  printf(
      "broken=%d events=%lld least_bytes=%lld least_completed=%lld delays=%zu median_us=%lld "
      "p99_us=%lld longest_us=%lld\n",
      broken, static_cast<long long>(events), static_cast<long long>(least_bytes),
      static_cast<long long>(least_completed), delays.size(),
      static_cast<long long>(Quantile(delays, 0.5)), static_cast<long long>(Quantile(delays, 0.99)),
      static_cast<long long>(Quantile(delays, 1)));
}

// `start` makes the call of watch number `i`.
template <typename Event, typename StartCall>
void Run(StartCall start) {
  Progress progress;
  std::vector<std::unique_ptr<Watch<Event>>> watches;
  watches.reserve(static_cast<size_t>(FLAGS_watches));
  for (int i = 0; i < FLAGS_watches; ++i) {
    watches.push_back(std::make_unique<Watch<Event>>(&progress, i < FLAGS_idle));
    start(i, watches.back().get());
    watches.back()->Start();
  }
  progress.AwaitWatching(FLAGS_watches);
  printf("watching %d\n", FLAGS_watches);
  fflush(stdout);
  progress.AwaitEnded(FLAGS_watches - FLAGS_idle);
  for (int i = 0; i < FLAGS_idle; ++i) watches[static_cast<size_t>(i)]->context()->TryCancel();
  progress.AwaitEnded(FLAGS_watches);
  watches.erase(watches.begin(), watches.begin() + FLAGS_idle);
  Report(watches);
}

void Main() {
  const auto stubs = Connect();
  const auto stub = [&stubs](int i) {
    return stubs[static_cast<size_t>(i) % stubs.size()]->async();
  };
  if (const std::vector<int64_t> ids = PayloadIds(); !ids.empty()) {
    std::vector<v1::WatchPayloadRequest> requests(ids.size());
    for (size_t i = 0; i < ids.size(); ++i) requests[i].set_payload_id(ids[i]);
    Run<v1::PayloadEvent>([&](int i, Watch<v1::PayloadEvent>* watch) {
      const auto& request = requests[static_cast<size_t>(i) % requests.size()];
      stub(i)->WatchPayload(watch->context(), &request, watch);
    });
    return;
  }
  v1::WatchDeploymentRequest request;
  request.set_deployment_id(FLAGS_deployment_id);
  Run<v1::DeploymentEvent>([&](int i, Watch<v1::DeploymentEvent>* watch) {
    stub(i)->WatchDeployment(watch->context(), &request, watch);
  });
}

}  // namespace
}  // namespace longshore

int main(int argc, char** argv) {
  gflags::ParseCommandLineFlags(&argc, &argv, true);
  longshore::Main();
  return 0;
}
