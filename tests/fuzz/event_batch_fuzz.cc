// What a worker's events make of tasks: whoever does not hold a task changes nothing of it, and
// nothing is written that the rules of events and the tables do not allow.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <set>

#include "api_server/executor/event_batch.h"
#include "common/utf8.h"
#include "tests/fuzz/seeds.h"

namespace longshore::fuzz {
namespace {

using executor::EventBatch;
using executor::ReportedEvent;

constexpr char kHolder[] = "holder";
constexpr int64_t kEpoch = 2;

// One of each kind, all held by kHolder under kEpoch: task n is of payload 100 + n.
std::vector<storage::LockedTask> Tasks() {
  std::vector<storage::LockedTask> tasks;
  for (int64_t id = 1; id <= 4; ++id) {
    storage::LockedTask task{.id = id,
                             .type = v1::TASK_TYPE_PAYLOAD_TRANSFER,
                             .status = v1::TASK_STATUS_RUNNING,
                             .lease_epoch = kEpoch,
                             .worker = kHolder,
                             .payload_id = 100 + id,
                             .instance_id = 10,
                             .remote_path = "/root/a.sh",
                             .executes = id != 2,
                             .payload_status = v1::PAYLOAD_STATUS_PENDING};
    if (id == 3) task.remote_path = "~/a.sh";
    if (id == 4) {
      task.type = v1::TASK_TYPE_PROVISION_INSTANCE;
      task.payload_id = 0;
      task.executes = false;
    }
    tasks.push_back(task);
  }
  return tasks;
}

bool IsEmpty(const EventBatch& batch) {
  return batch.host_keys.empty() && batch.transferred.empty() && batch.executing.empty() &&
         batch.script_ended_tasks.empty() && batch.output.empty() && batch.ends.empty() &&
         batch.maybe_started.empty() && batch.retries.empty() && batch.released.empty() &&
         batch.provisioned.empty();
}

void CheckEnd(const storage::TaskEnd& end, std::set<int64_t>* ended) {
  FUZZ_CHECK(ended->insert(end.task_id).second);  // Once.
  FUZZ_CHECK(ToValidUtf8(end.error) == end.error);
  FUZZ_CHECK((end.status == v1::PAYLOAD_STATUS_FAILED) ==
             (end.failure_reason != v1::FAILURE_REASON_UNSPECIFIED));
  if (end.status == v1::PAYLOAD_STATUS_COMPLETED) {
    FUZZ_CHECK(end.executed && end.exit_code == 0 && end.payload_id != 102);
  }
  if (end.status == v1::PAYLOAD_STATUS_TRANSFERRED) FUZZ_CHECK(end.payload_id == 102);
}

void Apply(const v1::TaskEvents& events, const std::string& worker) {
  const executor::ApplierOptions options;
  executor::ApplyOutcome outcome;
  executor::EventBatchBuilder builder(Tasks(), options, &outcome);
  for (const v1::TaskEvent& event : events.events()) builder.Add({&event, worker});
  const EventBatch& batch = builder.batch();
  if (worker != kHolder) {
    FUZZ_CHECK(IsEmpty(batch) && outcome.changed_payloads.empty() && outcome.host_keys.empty());
  }
  for (const auto& lease : outcome.lost) FUZZ_CHECK(lease.worker == worker);
  for (const auto& cleaned : batch.cleaned) FUZZ_CHECK(cleaned.worker == worker);
  for (const storage::OutputChunk& chunk : batch.output) {
    FUZZ_CHECK(chunk.offset >= 0 && !chunk.data.empty() && chunk.lease_epoch == kEpoch);
  }
  for (const auto& [payload_id, path] : batch.transferred) {
    FUZZ_CHECK(path.size() >= 6 && path.compare(path.size() - 5, 5, "/a.sh") == 0);
  }
  std::set<int64_t> ended;
  for (const storage::TaskEnd& end : batch.ends) CheckEnd(end, &ended);
  for (int64_t task : batch.retries) FUZZ_CHECK(ended.insert(task).second);
  for (const auto& lease : batch.released) FUZZ_CHECK(ended.insert(lease.task_id).second);
}

std::string Seed(int64_t task, void (*fill)(v1::TaskEvent*)) {
  v1::TaskEvents events;
  for (int64_t epoch : {kEpoch, kEpoch - 1}) {
    v1::TaskEvent* event = events.add_events();
    event->set_task_id(task);
    event->set_lease_epoch(epoch);
    fill(event);
  }
  return events.SerializeAsString();
}

}  // namespace

std::vector<std::string> Seeds() {
  const auto transferred = [](v1::TaskEvent* event) {
    event->mutable_transferred()->set_remote_path("/root/a.sh");
  };
  const auto finished = [](v1::TaskEvent* event) {
    event->mutable_finished()->set_status(v1::PAYLOAD_STATUS_COMPLETED);
    event->mutable_finished()->set_executed(true);
    event->mutable_finished()->set_exit_code(0);
  };
  const auto at_rest = [](v1::TaskEvent* event) {
    event->mutable_finished()->set_status(v1::PAYLOAD_STATUS_TRANSFERRED);
  };
  return {Seed(1, [](v1::TaskEvent* event) { event->mutable_executing(); }),
          Seed(1,
               [](v1::TaskEvent* event) {
                 event->mutable_output()->set_offset(7);
                 event->mutable_output()->set_data("bytes");
               }),
          Seed(1, finished) + Seed(2, finished),
          Seed(2, transferred) + Seed(2, at_rest),
          Seed(3, transferred),
          Seed(1, [](v1::TaskEvent* event) { event->mutable_retry()->set_maybe_started(true); }),
          Seed(3, [](v1::TaskEvent* event) { event->mutable_released(); }),
          Seed(4, [](v1::TaskEvent* event) { event->mutable_provisioned()->set_ready(true); }),
          Seed(1, [](v1::TaskEvent* event) { event->mutable_executing()->set_ended(true); }),
          Seed(0, [](v1::TaskEvent* event) { event->mutable_cleaned()->set_payload_id(101); })};
}

}  // namespace longshore::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  longshore::v1::TaskEvents events;
  if (!events.ParseFromArray(data, static_cast<int>(size))) return 0;
  longshore::fuzz::Apply(events, longshore::fuzz::kHolder);
  longshore::fuzz::Apply(events, "another");
  return 0;
}
