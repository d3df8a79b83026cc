#include "payload_worker/link/server_link.h"

#include <glog/logging.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <random>
#include <set>
#include <utility>

#include "common/backoff.h"
#include "common/grpc_callbacks.h"

namespace longshore {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr int kMaxMessageBytes = 8 << 20;
constexpr BackoffOptions kReconnect{.initial = milliseconds(100), .maximum = milliseconds(3000)};
// A server that has not said welcome by then is taken for dead.
constexpr milliseconds kWelcomeLimit{5000};

std::string RandomIncarnation() {
  std::random_device device;
  return std::to_string((static_cast<uint64_t>(device()) << 32) | device());
}

std::shared_ptr<grpc::Channel> MakeChannel(
    const std::string& server, const std::shared_ptr<grpc::ChannelCredentials>& credentials) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 10000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 5000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  // A connection of its own each time: one that is stuck must not be found again.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetMaxReceiveMessageSize(kMaxMessageBytes);
  // Not by way of a proxy, which a plain link would show everything to.
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  return grpc::CreateCustomChannel(server, credentials, arguments);
}

}  // namespace

milliseconds ReconnectDelay(int failures) {
  return BackoffDelay(kReconnect, failures, UniformRandom());
}

class ServerLink::Stream : public grpc::ClientBidiReactor<v1::WorkerMessage, v1::ServerMessage> {
 public:
  // Deletes itself when it is done; `stub` outlives it.
  Stream(ServerLink* link, v1::WorkerService::Stub* stub) : link_(*link) {
    stub->async()->Connect(&context_, this);
    AddHold();  // Writes are started from outside of reactions, until Release.
    StartRead(&incoming_);
    StartCall();
  }

  void Write(v1::WorkerMessage message) {
    outgoing_ = std::move(message);
    StartWrite(&outgoing_);
  }
  // No operation is started from outside any more.
  void Release() { RemoveHold(); }
  void Cancel() { context_.TryCancel(); }

  void OnReadDone(bool ok) override {
    if (ok) {
      link_.HandleMessage(std::move(incoming_));
      incoming_.Clear();
      StartRead(&incoming_);
    } else {
      link_.OnReadEnded();
    }
  }
  void OnWriteDone(bool ok) override { link_.OnWritten(ok); }
  void OnDone(const grpc::Status& status) override {
    link_.OnStreamDone(status);
    delete this;
  }

 private:
  ServerLink& link_;
  grpc::ClientContext context_;
  v1::ServerMessage incoming_;
  v1::WorkerMessage outgoing_;
};

ServerLink::ServerLink(ServerLinkOptions options, Outbox* outbox, LeaseTable* leases,
                       ServerLinkHandlers handlers)
    : options_(std::move(options)),
      incarnation_(RandomIncarnation()),
      outbox_(*outbox),
      leases_(*leases),
      handlers_(std::move(handlers)) {}

void ServerLink::Start() {
  thread_ = std::thread([this] { ConnectLoop(); });
}

ServerLink::~ServerLink() { Shutdown(); }

bool ServerLink::is_connected() {
  MutexLock lock(&mutex_);
  return stream_ != nullptr && welcomed_ && !ended_;
}

void ServerLink::Shutdown() {
  {
    MutexLock lock(&mutex_);
    stopping_ = true;
    CancelStream();
  }
  changed_.NotifyAll();
  if (thread_.joinable()) thread_.join();
}

milliseconds ServerLink::lease_duration() {
  MutexLock lock(&mutex_);
  return lease_duration_;
}

void ServerLink::ConnectLoop() {
  int failures = 0;
  for (size_t turn = 0;; ++turn) {
    const std::string& server = options_.servers[turn % options_.servers.size()];
    ServeStream(server);
    MutexLock lock(&mutex_);
    failures = welcomed_ ? 1 : failures + 1;
    const auto deadline = steady_clock::now() + options_.reconnect_delay(failures);
    while (!stopping_ && steady_clock::now() < deadline) changed_.WaitUntil(&mutex_, deadline);
    if (stopping_) return;
  }
}

void ServerLink::ServeStream(const std::string& server) {
  outbox_.Rewind();
  leases_.ForgetHeartbeats();
  const auto channel = MakeChannel(server, options_.credentials);
  KeepCallbackQueue(channel);
  const auto stub = v1::WorkerService::NewStub(channel);
  const auto begun = steady_clock::now();
  auto next_heartbeat = begun;
  MutexLock lock(&mutex_);
  if (stopping_) return;
  writing_ = ended_ = welcomed_ = hello_sent_ = heartbeat_due_ = group_due_ = false;
  script_requests_.clear();
  heartbeats_.clear();
  stream_ = new Stream(this, stub.get());
  MaybeWrite();
  while (stream_ != nullptr) {
    const auto now = steady_clock::now();
    if (!welcomed_ && now - begun > kWelcomeLimit) CancelStream();
    // One that is not answered for half a lease: the server is stuck, another may not be.
    if (!heartbeats_.empty() && options_.clock->SinceBoot() - heartbeats_.begin()->second.sent_at >
                                    std::max(lease_duration_ / 2, milliseconds(1000))) {
      LOG(WARNING) << server << " does not answer heartbeats";
      CancelStream();
    }
    if (welcomed_ && now >= next_heartbeat) {
      heartbeat_due_ = true;
      next_heartbeat = now + lease_duration_ / 3;
      MaybeWrite();
    }
    const auto wake = welcomed_ ? std::min(next_heartbeat, now + lease_duration_ / 6)
                                : now + std::chrono::milliseconds(500);
    changed_.WaitUntil(&mutex_, wake);
  }
}

void ServerLink::CancelStream() {
  if (stream_ != nullptr) stream_->Cancel();
}

void ServerLink::SendPending() {
  MutexLock lock(&mutex_);
  MaybeWrite();
}

void ServerLink::RequestScript(const std::string& sha256) {
  MutexLock lock(&mutex_);
  script_requests_.push_back(sha256);
  MaybeWrite();
}

void ServerLink::MaybeWrite() {
  if (stream_ == nullptr || writing_ || ended_) return;
  v1::WorkerMessage message;
  if (!NextMessage(&message)) return;
  writing_ = true;
  stream_->Write(std::move(message));
}

bool ServerLink::NextMessage(v1::WorkerMessage* message) {
  if (!hello_sent_) {
    hello_sent_ = true;
    credit_ = std::max(0, handlers_.capacity());
    v1::WorkerHello* hello = message->mutable_hello();
    hello->set_name(options_.name);
    hello->set_incarnation(incarnation_);
    hello->set_version(options_.version);
    hello->set_capacity(credit_);
    hello->set_pool(options_.pool);
    hello->mutable_projects()->Add(options_.projects.begin(), options_.projects.end());
    return true;
  }
  if (!welcomed_) return false;
  if (NextHeartbeat(message)) return true;
  if (!script_requests_.empty()) {
    message->mutable_script_request()->set_sha256(std::move(script_requests_.front()));
    script_requests_.pop_front();
    return true;
  }
  if (const int change = handlers_.capacity() - credit_; change != 0) {
    credit_ += change;
    message->mutable_credit()->set_count(change);
    return true;
  }
  return outbox_.Take(message->mutable_events());
}

bool ServerLink::NextHeartbeat(v1::WorkerMessage* message) {
  SentHeartbeat sent{};
  if (heartbeat_due_) {
    heartbeat_due_ = false;
    group_due_ = knows_groups_;
    sent.keys = leases_.TakeSingle();
    sent.groups = leases_.Groups();
  } else {
    if (!heartbeats_.empty()) return false;
    // New ones are confirmed at once, those that come meanwhile together after that.
    sent.keys = leases_.TakeUnconfirmed();
    if (sent.keys.empty() && group_due_) {
      group_due_ = false;
      sent.keys = leases_.TakeSettled();
      sent.makes_group = true;
    }
    if (sent.keys.empty()) return false;
  }
  v1::Heartbeat* heartbeat = message->mutable_heartbeat();
  heartbeat->set_sequence(++heartbeat_sequence_);
  for (const LeaseKey& key : sent.keys) {
    heartbeat->add_task_ids(key.task_id);
    heartbeat->add_lease_epochs(key.lease_epoch);
  }
  for (const LeaseGroup& group : sent.groups) {
    v1::LeaseGroup* named = heartbeat->add_groups();
    named->set_id(group.id);
    named->set_tasks(group.tasks);
    named->set_task_id_sum(group.task_id_sum);
    named->set_lease_epoch_sum(group.lease_epoch_sum);
  }
  heartbeat->set_make_group(sent.makes_group);
  sent.sent_at = options_.clock->SinceBoot();
  heartbeats_[heartbeat_sequence_] = std::move(sent);
  return true;
}

void ServerLink::OnWritten(bool ok) {
  MutexLock lock(&mutex_);
  writing_ = false;
  if (ok) {
    MaybeWrite();
  } else if (!ended_) {
    // The read ends too, and with it the stream.
    ended_ = true;
    CancelStream();
    stream_->Release();
  }
}

void ServerLink::OnReadEnded() {
  MutexLock lock(&mutex_);
  if (ended_) return;
  ended_ = true;
  stream_->Release();
}

void ServerLink::OnStreamDone(const grpc::Status& status) {
  {
    MutexLock lock(&mutex_);
    if (!stopping_) LOG(INFO) << "the stream to the api_server ended: " << status.error_message();
    stream_ = nullptr;
    changed_.NotifyAll();  // Under the lock: the link may be gone right after.
  }
}

void ServerLink::HandleMessage(v1::ServerMessage message) {
  switch (message.kind_case()) {
    case v1::ServerMessage::kWelcome: {
      {
        MutexLock lock(&mutex_);
        const auto& duration = message.welcome().lease_duration();
        lease_duration_ = milliseconds(duration.seconds() * 1000 + duration.nanos() / 1000000);
        knows_groups_ = message.welcome().lease_groups();
        if (!knows_groups_) leases_.DissolveAll();
        welcomed_ = true;
      }
      LOG(INFO) << "connected to an api_server";
      handlers_.on_connected();
      changed_.NotifyAll();
      SendPending();
      return;
    }
    case v1::ServerMessage::kAssignment: {
      if (!message.assignment().cleanup()) {
        leases_.Add({message.assignment().task_id(), message.assignment().lease_epoch()});
      }
      {
        MutexLock lock(&mutex_);
        --credit_;
      }
      handlers_.on_assignment(std::move(*message.mutable_assignment()));
      SendPending();
      return;
    }
    case v1::ServerMessage::kAcknowledge:
      for (const v1::LostLease& lost : message.acknowledge().lost()) {
        handlers_.on_lost({lost.task_id(), lost.lease_epoch()});
      }
      for (const v1::TaskEvent& event : outbox_.Acknowledge(message.acknowledge().sequence())) {
        handlers_.on_committed(event);
      }
      return;
    case v1::ServerMessage::kLeasesRenewed:
      HandleRenewed(message.leases_renewed());
      return;
    case v1::ServerMessage::kScript:
      handlers_.on_script(std::move(*message.mutable_script()));
      return;
    case v1::ServerMessage::kCancelTask:
      handlers_.on_cancel(message.cancel_task().task_id(), message.cancel_task().unless_started());
      return;
    case v1::ServerMessage::kHostKeyDecision:
      handlers_.on_host_key(message.host_key_decision());
      return;
    case v1::ServerMessage::kDrain: {
      MutexLock lock(&mutex_);
      CancelStream();
      return;
    }
    case v1::ServerMessage::KIND_NOT_SET:
      return;  // A newer server's; nothing that this worker could miss.
  }
}

void ServerLink::HandleRenewed(const v1::LeasesRenewed& renewed) {
  std::set<LeaseKey> lost;
  for (const v1::LostLease& lease : renewed.lost()) {
    lost.insert({lease.task_id(), lease.lease_epoch()});
  }
  const std::set<int64_t> ungrouped(renewed.ungrouped_task_ids().begin(),
                                    renewed.ungrouped_task_ids().end());
  SentHeartbeat sent;
  std::chrono::nanoseconds until{0};
  {
    MutexLock lock(&mutex_);
    const auto heartbeat = heartbeats_.find(renewed.sequence());
    if (heartbeat == heartbeats_.end()) return;
    sent = std::move(heartbeat->second);
    until = sent.sent_at + lease_duration_;
    heartbeats_.erase(heartbeats_.begin(), std::next(heartbeat));
    // One that was sent since then has asked for each of them, which takes them out of the group.
    const bool is_group = renewed.group() != 0 && heartbeats_.empty();
    if (sent.makes_group && !is_group) sent.keys.clear();
  }
  std::erase_if(sent.keys, [&](const LeaseKey& key) {
    return lost.count(key) > 0 || ungrouped.count(key.task_id) > 0;
  });
  if (sent.makes_group) leases_.SetGroup(sent.keys, renewed.group());
  leases_.Renew(sent.keys, until);
  NoteGroups(sent.groups, {renewed.refused_groups().begin(), renewed.refused_groups().end()},
             until);
  for (const LeaseKey& key : lost) handlers_.on_lost(key);
  for (int64_t task_id : renewed.cancel_task_ids()) handlers_.on_cancel(task_id, false);
  for (int64_t task_id : renewed.recall_task_ids()) handlers_.on_cancel(task_id, true);
  SendPending();
}

void ServerLink::NoteGroups(const std::vector<LeaseGroup>& sent, const std::set<int64_t>& refused,
                            std::chrono::nanoseconds until) {
  if (sent.empty()) return;
  std::set<int64_t> renewed;
  for (const LeaseGroup& group : sent) {
    if (refused.count(group.id) == 0) renewed.insert(group.id);
  }
  leases_.RenewGroups(renewed, until);
  std::map<int64_t, LeaseGroup> now;
  for (const LeaseGroup& group : leases_.Groups()) now[group.id] = group;
  MutexLock lock(&mutex_);
  std::set<int64_t> doubtful;
  for (const LeaseGroup& group : sent) {
    if (refused.count(group.id) == 0 || now.count(group.id) == 0) continue;
    // Where a task has ended since then, the api_server may have known that before: it is asked
    // once more. Otherwise it knows what this worker does not, and is asked for each lease.
    if (now[group.id] == group || doubtful_groups_.count(group.id) > 0) {
      leases_.Dissolve(group.id);
    } else {
      doubtful.insert(group.id);
    }
  }
  heartbeat_due_ |= !doubtful.empty();
  doubtful_groups_ = std::move(doubtful);
}

}  // namespace longshore
