#include "payload_worker/worker.h"

#include <glog/logging.h>

#include <algorithm>
#include <utility>

#include "common/fail_point.h"
#include "common/log_fields.h"
#include "common/status_macros.h"
#include "common/trace_context.h"
#include "common/version.h"
#include "payload_worker/ssh/errors.h"
#include "payload_worker/ssh/tcp.h"

namespace longshore {
namespace {

constexpr std::chrono::seconds kHostKeyLimit{20};
// A turn of the follower waits for nothing, so one that takes so long hangs.
constexpr std::chrono::seconds kLongestTurn{60};

provision::AnsibleOptions WithKeys(provision::AnsibleOptions options, ssh::KeyRing* keys) {
  options.key_file = [keys](const std::string& project) { return keys->FileFor(project); };
  return options;
}

v1::TaskEvent NotProvisioned(const absl::Status& why) {
  v1::TaskEvent event;
  event.mutable_provisioned()->set_retry(true);
  event.mutable_provisioned()->set_unreachable(true);
  event.mutable_provisioned()->set_error(std::string(why.message()));
  return event;
}

// What is logged in the course of a delivery is about it.
std::vector<LogField> FieldsOf(const v1::Assignment& assignment) {
  std::vector<LogField> fields{{"payload_id", assignment.payload_id()},
                               {"task_id", assignment.task_id()},
                               {"instance_id", assignment.instance_id()},
                               {"project", assignment.project()}};
  AddTraceId(assignment.traceparent(), &fields);
  return fields;
}

}  // namespace

Worker::Worker(WorkerOptions options)
    : options_(std::move(options)),
      keys_(options_.keys),
      sessions_({.idle = options_.ssh_idle}),
      leases_(Clock::Real()),
      outbox_([this] { link_->SendPending(); }, options_.max_outbox_bytes,
              [this] { follower_.Wake(); }),
      scripts_(options_.script_cache_bytes,
               [this](const std::string& sha256) { link_->RequestScript(sha256); }),
      context_{.keys = &keys_,
               .dialer = {.allowed = &options_.allowed,
                          .timeouts = {},
                          .watchdog = &watchdog_,
                          .tunnels = &tunnels_},
               .scripts = &scripts_,
               .sessions = &sessions_,
               .leases = &leases_,
               .outbox = &outbox_,
               .pin_host_key =
                   [this](const LeaseKey& lease, const std::string& host_key) {
                     return PinHostKey(lease, host_key);
                   },
               .cancelled = [this](const LeaseKey& lease) { return IsCancelled(lease); },
               .lease_duration = [this] { return link_->lease_duration(); }},
      follower_(&outbox_, [this](const LeaseKey& lease) { Forget(lease); }),
      provisioner_({.ansible = WithKeys(options_.ansible, &keys_), .worker = options_.name},
                   &leases_, &outbox_),
      connectors_({.slots = options_.max_connecting}, [this] { link_->SendPending(); }) {
  link_ = std::make_unique<ServerLink>(
      ServerLinkOptions{.servers = options_.servers,
                        .name = options_.name,
                        .version = std::string(kVersion),
                        .pool = options_.pool,
                        .projects = options_.projects,
                        .credentials = options_.tls.empty() ? grpc::InsecureChannelCredentials()
                                                            : MakeChannelCredentials(options_.tls)},
      &outbox_, &leases_,
      ServerLinkHandlers{
          .on_assignment = [this](v1::Assignment a) { OnAssignment(std::move(a)); },
          .on_cancel = [this](int64_t task_id,
                              bool unless_started) { OnCancel(task_id, unless_started); },
          .on_lost = [this](const LeaseKey& lease) { OnLost(lease); },
          .on_committed = [this](const v1::TaskEvent& event) { OnCommitted(event); },
          .on_script =
              [this](v1::Script script) {
                scripts_.Put(script.sha256(), std::move(*script.mutable_content()));
              },
          .on_host_key = [this](const v1::HostKeyDecision& decision) { OnHostKey(decision); },
          .on_connected = [this] { scripts_.RequestAgain(); },
          .capacity = [this] { return Capacity(); }});
  link_->Start();
}

Worker::~Worker() {
  link_->Shutdown();
  connectors_.Shutdown();
  provisioner_.Shutdown();
}

int Worker::Capacity() {
  MutexLock lock(&mutex_);
  if (draining_) return 0;
  const int room_to_run = options_.max_running - static_cast<int>(tasks_.size());
  return std::max(0, std::min(connectors_.Room(), room_to_run));
}

void Worker::OnAssignment(v1::Assignment assignment) {
  const LeaseKey key{assignment.task_id(), assignment.lease_epoch()};
  int64_t number = 0;
  {
    MutexLock lock(&mutex_);
    ++connecting_;
    number = ++last_number_;
    if (!assignment.cleanup()) {
      tasks_[key] = {.number = number,
                     .stop = assignment.cancel_requested()   ? Stop::kYes
                             : assignment.recall_requested() ? Stop::kUnlessStarted
                                                             : Stop::kNo};
    }
  }
  // Cleanups are nobody's hurry.
  const bool failed_before = assignment.failures() > 0 || assignment.cleanup();
  connectors_.Add(
      [this, number, assignment = std::move(assignment)](const ConnectorPool::OnSocket& on_socket) {
        if (assignment.cleanup()) {
          CleanUp(assignment, on_socket);
        } else if (assignment.provision()) {
          Provision(assignment, on_socket);
        } else {
          Deliver(number, assignment, on_socket);
        }
        {
          MutexLock lock(&mutex_);
          --connecting_;
        }
        changed_.NotifyAll();
      },
      failed_before);
}

void Worker::Deliver(int64_t number, const v1::Assignment& assignment,
                     const ConnectorPool::OnSocket& on_socket) {
  const LeaseKey key{assignment.task_id(), assignment.lease_epoch()};
  const LogFields about(FieldsOf(assignment));
  LONGSHORE_FAIL_POINT("worker.assigned");
  bool draining = false;
  {
    MutexLock lock(&mutex_);
    if (tasks_.count(key) == 0) return;  // Lost while it was queued.
    draining = draining_;
  }
  if (draining) {
    v1::TaskEvent event;
    event.mutable_released();
    outbox_.AddLast(key, std::move(event));
    return;
  }
  std::unique_ptr<run::RemoteRun> run = run::Delivery(context_, assignment, on_socket).Deliver();
  if (run == nullptr) return;
  bool cancelled = false;
  {
    MutexLock lock(&mutex_);
    const auto task = tasks_.find(key);
    // Lost; whoever holds it now follows it. That may be this worker again, from another offset.
    if (task == tasks_.end() || task->second.number != number) return;
    task->second.following = true;
    cancelled = task->second.stop == Stop::kYes;
    draining = draining_;
  }
  follower_.Add(std::move(run));
  if (cancelled) follower_.Cancel(key);
  if (draining) follower_.ReleaseAll();
}

void Worker::CleanUp(const v1::Assignment& assignment, const ConnectorPool::OnSocket& on_socket) {
  const absl::Status status = run::Delivery(context_, assignment, on_socket).Clean();
  if (!status.ok()) {
    const LogFields about{{"payload_id", assignment.payload_id()},
                          {"instance_id", assignment.instance_id()}};
    LOG(WARNING) << "cleaning up after payload " << assignment.payload_id() << " on instance "
                 << assignment.instance_id() << ": " << status;
    return;  // The server asks again.
  }
  v1::TaskEvent event;
  event.mutable_cleaned()->set_payload_id(assignment.payload_id());
  event.mutable_cleaned()->set_attempt(assignment.attempt());
  outbox_.Add({.lease_epoch = assignment.lease_epoch()}, std::move(event));
}

void Worker::Provision(v1::Assignment assignment, const ConnectorPool::OnSocket& on_socket) {
  const LeaseKey key{assignment.task_id(), assignment.lease_epoch()};
  if (assignment.host_key().empty()) {
    const auto learned = LearnHostKey(assignment, on_socket);
    if (!learned.ok()) {
      outbox_.AddLast(key, NotProvisioned(learned.status()));
      return;
    }
    assignment.set_host_key(*learned);
  }
  if (const absl::Status prepared = PrepareForAnsible(&assignment); !prepared.ok()) {
    outbox_.AddLast(key, NotProvisioned(prepared));
    return;
  }
  bool cancelled = false;
  {
    MutexLock lock(&mutex_);
    const auto task = tasks_.find(key);
    if (task == tasks_.end()) return;  // Lost meanwhile.
    task->second.provisioning = true;
    cancelled = task->second.stop != Stop::kNo;
  }
  provisioner_.Add(std::move(assignment));
  if (cancelled) provisioner_.Cancel(key);
}

absl::Status Worker::PrepareForAnsible(v1::Assignment* assignment) const {
  if (options_.allowed.contains_all()) return absl::OkStatus();
  if (assignment->jump().empty()) {
    ASSIGN_OR_RETURN(
        *assignment->mutable_address(),
        ssh::ResolveAllowed(assignment->address(), assignment->port(), options_.allowed));
    return absl::OkStatus();
  }
  v1::JumpHost& first = *assignment->mutable_jump(0);
  ASSIGN_OR_RETURN(*first.mutable_address(),
                   ssh::ResolveAllowed(first.address(), first.port(), options_.allowed));
  for (const v1::JumpHost& host : assignment->jump()) {
    RETURN_IF_ERROR(ssh::CheckIfNumeric(host.address(), options_.allowed));
  }
  return ssh::CheckIfNumeric(assignment->address(), options_.allowed);
}

absl::StatusOr<std::string> Worker::LearnHostKey(const v1::Assignment& assignment,
                                                 const ConnectorPool::OnSocket& on_socket) {
  std::string pinned;
  const auto pin = [&](const std::string& host_key) -> absl::StatusOr<std::string> {
    ASSIGN_OR_RETURN(pinned,
                     PinHostKey({assignment.task_id(), assignment.lease_epoch()}, host_key));
    return pinned;
  };
  ASSIGN_OR_RETURN(const auto key, ssh::KeyOf(&keys_, assignment.project()));
  ASSIGN_OR_RETURN(const auto session,
                   ssh::Connect(run::TargetOf(assignment), *key, context_.dialer, pin, on_socket));
  RETURN_IF_ERROR(session->Login(*key));
  return pinned;
}

bool Worker::IsCancelled(const LeaseKey& key) {
  MutexLock lock(&mutex_);
  const auto task = tasks_.find(key);
  return task != tasks_.end() && task->second.stop != Stop::kNo;
}

absl::StatusOr<std::string> Worker::PinHostKey(const LeaseKey& key, const std::string& host_key) {
  // A cleanup holds no lease to pin under; the payload's own delivery has pinned a key before it.
  if (key.task_id == 0) return ssh::HostKeyMismatch("no host key is pinned for the instance");
  if (options_.require_host_key) {
    return ssh::HostKeyMismatch(
        "no host key is known for the instance, and this worker learns none (--require_host_key): "
        "register it with its key");
  }
  v1::TaskEvent event;
  event.mutable_host_key_seen()->set_host_key(host_key);
  outbox_.Add(key, std::move(event));
  const auto deadline = std::chrono::steady_clock::now() + kHostKeyLimit;
  MutexLock lock(&mutex_);
  while (std::chrono::steady_clock::now() < deadline) {
    const auto task = tasks_.find(key);
    if (task == tasks_.end()) break;
    if (task->second.pinned_host_key.has_value()) return *task->second.pinned_host_key;
    changed_.WaitUntil(&mutex_, deadline);
  }
  return ssh::Unreachable("the api_server did not confirm the instance's host key in time");
}

void Worker::OnHostKey(const v1::HostKeyDecision& decision) {
  {
    MutexLock lock(&mutex_);
    const auto task = tasks_.find({decision.task_id(), decision.lease_epoch()});
    if (task != tasks_.end()) task->second.pinned_host_key = decision.host_key();
  }
  changed_.NotifyAll();
}

void Worker::OnCancel(int64_t task_id, bool unless_started) {
  const Stop stop = unless_started ? Stop::kUnlessStarted : Stop::kYes;
  std::vector<LeaseKey> following;
  std::vector<LeaseKey> provisioning;
  {
    MutexLock lock(&mutex_);
    for (auto task = tasks_.lower_bound({task_id, 0});
         task != tasks_.end() && task->first.task_id == task_id; ++task) {
      if (task->second.stop >= stop) continue;
      if (task->second.following && stop == Stop::kYes) following.push_back(task->first);
      if (task->second.provisioning) provisioning.push_back(task->first);
      task->second.stop = stop;
    }
  }
  for (const LeaseKey& key : provisioning) provisioner_.Cancel(key);
  for (const LeaseKey& key : following) follower_.Cancel(key);
}

void Worker::OnLost(const LeaseKey& key) {
  {
    MutexLock lock(&mutex_);
    if (tasks_.count(key) == 0) return;
  }
  const LogFields about{{"task_id", key.task_id}};
  LOG(WARNING) << "the lease of task " << key.task_id << " (epoch " << key.lease_epoch
               << ") is lost";
  outbox_.Drop(key);
  follower_.Drop(key);
  provisioner_.Drop(key);
  Forget(key);
}

void Worker::OnCommitted(const v1::TaskEvent& event) {
  const LeaseKey key{event.task_id(), event.lease_epoch()};
  LONGSHORE_FAIL_POINT("worker.committed");
  leases_.Remove(key);
  if (event.has_finished() && event.finished().run_directory()) {
    follower_.Clean(key);  // Comes back through Forget when it is done.
  } else {
    follower_.Drop(key);
  }
  Forget(key);
}

void Worker::Forget(const LeaseKey& key) {
  leases_.Remove(key);
  {
    MutexLock lock(&mutex_);
    tasks_.erase(key);
  }
  changed_.NotifyAll();
  link_->SendPending();
}

WorkerState Worker::state() {
  WorkerState state{.alive = follower_.TurnTaken() < kLongestTurn,
                    .connected = link_->is_connected(),
                    .sessions_kept = sessions_.size(),
                    .outbox_bytes = outbox_.output_bytes()};
  MutexLock lock(&mutex_);
  state.draining = draining_;
  state.tasks = tasks_.size();
  state.connecting = connecting_;
  return state;
}

void Worker::Drain() {
  {
    MutexLock lock(&mutex_);
    draining_ = true;
  }
  link_->SendPending();
  follower_.ReleaseAll();
  provisioner_.ReleaseAll();
  const auto deadline = std::chrono::steady_clock::now() + options_.drain_timeout;
  MutexLock lock(&mutex_);
  while (std::chrono::steady_clock::now() < deadline && !(tasks_.empty() && connecting_ == 0)) {
    changed_.WaitUntil(&mutex_, deadline);
  }
  if (!tasks_.empty()) {
    LOG(WARNING) << tasks_.size()
                 << " tasks could not be handed over in time; their leases run out";
  }
}

}  // namespace longshore
