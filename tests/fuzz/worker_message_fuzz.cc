// What a worker may send up its stream: whatever passes the rules is safe to be written down.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "api_server/executor/event_rules.h"
#include "longshore/v1/worker_service.pb.h"
#include "tests/fuzz/seeds.h"

namespace longshore::fuzz {
namespace {

constexpr int64_t kHead = 512 * 1024;

void CheckTaken(const v1::TaskEvents& events) {
  for (const v1::TaskEvent& event : events.events()) {
    if (!executor::CheckEvent(event, kHead).ok()) continue;
    FUZZ_CHECK(event.sequence() > 0);
    if (event.has_host_key_seen()) {
      FUZZ_CHECK(event.host_key_seen().host_key().find('\n') == std::string::npos);
    }
    if (event.has_output()) {
      const int64_t begin = event.output().offset();
      const int64_t end = begin + static_cast<int64_t>(event.output().data().size());
      FUZZ_CHECK(begin >= 0 && begin < end && !(begin < kHead && end > kHead));
    }
    if (event.has_finished()) {
      const v1::Finished& finished = event.finished();
      const bool completed = finished.status() == v1::PAYLOAD_STATUS_COMPLETED;
      FUZZ_CHECK(!completed ||
                 (finished.executed() && finished.has_exit_code() && finished.exit_code() == 0));
    }
  }
}

v1::WorkerMessage Message(void (*fill)(v1::TaskEvent*)) {
  v1::WorkerMessage message;
  v1::TaskEvent* event = message.mutable_events()->add_events();
  event->set_sequence(1);
  event->set_task_id(7);
  event->set_lease_epoch(2);
  fill(event);
  return message;
}

}  // namespace

std::vector<std::string> Seeds() {
  v1::WorkerMessage hello;
  hello.mutable_hello()->set_name("worker");
  hello.mutable_hello()->set_incarnation("1");
  hello.mutable_hello()->set_capacity(128);
  v1::WorkerMessage heartbeat;
  heartbeat.mutable_heartbeat()->add_task_ids(7);
  heartbeat.mutable_heartbeat()->add_lease_epochs(2);
  const std::vector<v1::WorkerMessage> messages = {
      hello,
      heartbeat,
      Message([](v1::TaskEvent* event) { event->mutable_executing(); }),
      Message([](v1::TaskEvent* event) {
        event->mutable_output()->set_offset(kHead - 3);
        event->mutable_output()->set_data("abc");
      }),
      Message([](v1::TaskEvent* event) {
        event->mutable_finished()->set_status(v1::PAYLOAD_STATUS_COMPLETED);
        event->mutable_finished()->set_executed(true);
        event->mutable_finished()->set_exit_code(0);
        event->mutable_finished()->mutable_execution_time()->set_seconds(3);
      }),
      Message([](v1::TaskEvent* event) { event->mutable_retry()->set_error("no route"); }),
      Message([](v1::TaskEvent* event) { event->mutable_cleaned()->set_payload_id(9); }),
  };
  std::vector<std::string> seeds;
  seeds.reserve(messages.size());
  for (const v1::WorkerMessage& message : messages) seeds.push_back(message.SerializeAsString());
  return seeds;
}

}  // namespace longshore::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  longshore::v1::WorkerMessage message;
  if (!message.ParseFromArray(data, static_cast<int>(size))) return 0;
  if (longshore::executor::CheckSequence(message.events(), 0).ok()) {
    longshore::fuzz::CheckTaken(message.events());
  }
  (void)longshore::executor::CheckHello(message.hello());
  if (longshore::executor::CheckHeartbeat(message.heartbeat()).ok()) {
    FUZZ_CHECK(message.heartbeat().task_ids_size() == message.heartbeat().lease_epochs_size());
  }
  return 0;
}
