#include "tests/hostile/worker_messages.h"

#include <climits>
#include <iterator>

namespace longshore::hostile {
namespace {

// How seldom a message ends the stream: to connect anew costs as much as hundreds of messages.
constexpr int kBreaksOneIn = 2000;

}  // namespace

v1::WorkerMessage WorkerMessages::Hello() {
  sequence_ = random_() % 1000;
  v1::WorkerMessage message;
  message.mutable_hello()->set_name("attacker");
  message.mutable_hello()->set_incarnation(std::to_string(random_()));
  message.mutable_hello()->set_version("0");
  return message;
}

// Ids, epochs and attempts of a new database are small.
int64_t WorkerMessages::Number() {
  static constexpr int64_t kOdd[] = {0,         -1,    INT64_MAX, INT64_MIN, INT32_MAX,
                                     INT32_MIN, 65536, 65537,     524288,    1048576,
                                     1 << 30,   255,   256,       -2};
  switch (random_() % 8) {
    case 0:
      return kOdd[random_() % std::size(kOdd)];
    case 1:
      return static_cast<int64_t>(random_());
    default:
      return static_cast<int64_t>(random_() % 60) + 1;
  }
}

std::string WorkerMessages::Text() {
  switch (random_() % 200) {
    case 0:
      return std::string(20000, 'x');
    case 1:
      return std::string(65537, 'y');
    case 2:
      return std::string("nul\0nul", 7);
    case 3:
      return "\x1b]52;c;ZXZpbA==\x07\r\n";
    case 4:
      return "";
    default:
      return "EVIL" + std::to_string(random_() % 1000);
  }
}

void WorkerMessages::FillFinished(v1::Finished* finished) {
  finished->set_status(static_cast<v1::PayloadStatus>(random_() % 9));
  finished->set_failure_reason(static_cast<v1::FailureReason>(OneIn(2) ? 0 : random_() % 20));
  finished->set_error(Text());
  finished->set_executed(OneIn(2));
  if (OneIn(2)) finished->set_exit_code(OneIn(2) ? 0 : static_cast<int32_t>(Number()));
  finished->mutable_execution_time()->set_seconds(Number());
  finished->set_output_bytes(Number());
  finished->set_run_directory(OneIn(2));
}

void WorkerMessages::FillEvent(v1::TaskEvent* event) {
  event->set_sequence(++sequence_);
  event->set_task_id(Number());
  event->set_lease_epoch(OneIn(4) ? Number() : static_cast<int64_t>(random_() % 3) + 1);
  switch (random_() % 10) {
    case 0:
      event->mutable_host_key_seen()->set_host_key(OneIn(2) ? Text()
                                                            : "ssh-ed25519 AAAA\nother " + Text());
      return;
    case 1:
      event->mutable_transferred()->set_remote_path("/" + Text());
      return;
    case 2:
      event->mutable_executing();
      return;
    case 3:
      event->mutable_output()->set_offset(OneIn(2) ? 0 : Number());
      event->mutable_output()->set_data(Text());
      return;
    case 4:
      FillFinished(event->mutable_finished());
      return;
    case 5:
      event->mutable_retry()->set_failure_reason(static_cast<v1::FailureReason>(random_() % 20));
      event->mutable_retry()->set_error(Text());
      event->mutable_retry()->set_maybe_started(OneIn(2));
      return;
    case 6:
      event->mutable_released();
      return;
    case 7:
      event->mutable_cleaned()->set_payload_id(Number());
      event->mutable_cleaned()->set_attempt(OneIn(4) ? static_cast<int32_t>(Number()) : 1);
      return;
    case 8:
      event->mutable_provisioned()->set_ready(OneIn(2));
      event->mutable_provisioned()->set_retry(OneIn(2));
      event->mutable_provisioned()->set_error(Text());
      event->mutable_provisioned()->set_log(Text());
      return;
    default:
      return;  // Of no kind.
  }
}

void WorkerMessages::FillEvents(v1::TaskEvents* events) {
  const int count = OneIn(10) ? static_cast<int>(random_() % 20) : 1;
  for (int i = 0; i < count; ++i) FillEvent(events->add_events());
  if (OneIn(kBreaksOneIn) && count > 0) {
    events->mutable_events(0)->set_sequence(static_cast<uint64_t>(Number()));
  }
}

void WorkerMessages::FillHeartbeat(v1::Heartbeat* heartbeat) {
  heartbeat->set_sequence(static_cast<uint64_t>(Number()));
  const int count = static_cast<int>(random_() % 5);
  for (int i = 0; i < count; ++i) {
    heartbeat->add_task_ids(Number());
    heartbeat->add_lease_epochs(static_cast<int64_t>(random_() % 3) + 1);
  }
  if (OneIn(kBreaksOneIn)) heartbeat->add_task_ids(1);
}

void WorkerMessages::Mutate(std::string* bytes) {
  if (bytes->empty()) return;
  char& byte = (*bytes)[random_() % bytes->size()];
  byte = static_cast<char>(byte ^ 1 << random_() % 8);
}

std::string WorkerMessages::Next() {
  v1::WorkerMessage message;
  const uint64_t kind = random_() % 64;
  if (kind == 0) {  // Seldom, since each is looked for in the database.
    std::string* sha256 = message.mutable_script_request()->mutable_sha256();
    *sha256 =
        OneIn(2) ? std::string(random_() % 40, 's') : std::string(32, static_cast<char>(random_()));
  } else if (kind < 8) {
    message.mutable_credit()->set_count(OneIn(2) ? INT32_MIN
                                                 : -static_cast<int32_t>(random_() % 100));
  } else if (kind < 24) {
    FillHeartbeat(message.mutable_heartbeat());
  } else {
    FillEvents(message.mutable_events());
  }
  if (OneIn(kBreaksOneIn)) message = Hello();
  std::string bytes = message.SerializeAsString();
  if (OneIn(kBreaksOneIn)) Mutate(&bytes);
  return bytes;
}

}  // namespace longshore::hostile
