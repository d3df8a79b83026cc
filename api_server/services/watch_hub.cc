#include "api_server/services/watch_hub.h"

#include "api_server/domain/errors.h"
#include "common/payload_status.h"
#include "common/status_macros.h"
#include "storage/output_store.h"
#include "storage/payload_store.h"

namespace longshore::services {
namespace {

constexpr std::chrono::seconds kSafetyPoll{15};
constexpr int64_t kMaxOutputPerEvent = 256 * 1024;

v1::PayloadEvent StatusEvent(const v1::Payload& payload, WatchPosition* position) {
  v1::PayloadEvent event;
  *event.mutable_payload() = payload;
  position->status_sent = payload.status();
  return event;
}

}  // namespace

absl::StatusOr<std::optional<v1::PayloadEvent>> NextWatchEvent(storage::Database& database,
                                                               WatchPosition* position) {
  std::optional<storage::StoredPayload> stored;
  storage::OutputChunk chunk;
  RETURN_IF_ERROR(database.Run([&](storage::Connection& connection) -> absl::Status {
    // The payload first: when it is terminal here, all of its output is there to be read next.
    ASSIGN_OR_RETURN(stored, storage::PayloadStore::Get(connection, position->payload_id));
    if (!stored.has_value()) return absl::OkStatus();
    ASSIGN_OR_RETURN(chunk,
                     storage::OutputStore::ReadFrom(connection, position->payload_id,
                                                    position->output_offset, kMaxOutputPerEvent));
    return absl::OkStatus();
  }));
  if (!stored.has_value()) return domain::PayloadNotFound(position->payload_id);
  const v1::Payload& payload = stored->payload;
  const bool news = position->status_sent != payload.status();
  if (news && !IsTerminal(payload.status())) return StatusEvent(payload, position);
  if (!chunk.data.empty()) {
    v1::PayloadEvent event;
    event.mutable_output()->set_offset(chunk.offset);
    position->output_offset = chunk.offset + static_cast<int64_t>(chunk.data.size());
    event.mutable_output()->set_data(std::move(chunk.data));
    return event;
  }
  if (news) return StatusEvent(payload, position);
  return std::nullopt;
}

WatchHub::WatchHub(storage::Database* database, int threads)
    : database_(*database), work_(threads), poller_([this] { PollLoop(); }) {}

WatchHub::~WatchHub() { Shutdown(); }

void WatchHub::Add(std::shared_ptr<Watcher> watcher) {
  {
    MutexLock lock(&mutex_);
    if (!stopping_) {
      watchers_[watcher->payload_id()].insert(watcher);
      watcher->Wake();
      return;
    }
  }
  watcher->Stop();
}

void WatchHub::Remove(const std::shared_ptr<Watcher>& watcher) {
  MutexLock lock(&mutex_);
  const auto found = watchers_.find(watcher->payload_id());
  if (found == watchers_.end()) return;
  found->second.erase(watcher);
  if (found->second.empty()) watchers_.erase(found);
}

void WatchHub::Wake(const std::set<int64_t>& payload_ids) {
  MutexLock lock(&mutex_);
  for (int64_t id : payload_ids) {
    const auto found = watchers_.find(id);
    if (found == watchers_.end()) continue;
    for (const auto& watcher : found->second) watcher->Wake();
  }
}

std::vector<std::shared_ptr<Watcher>> WatchHub::All() {
  MutexLock lock(&mutex_);
  std::vector<std::shared_ptr<Watcher>> all;
  for (const auto& [id, watchers] : watchers_)
    all.insert(all.end(), watchers.begin(), watchers.end());
  return all;
}

void WatchHub::WakeAll() {
  for (const auto& watcher : All()) watcher->Wake();
}

void WatchHub::Shutdown() {
  {
    MutexLock lock(&mutex_);
    stopping_ = true;
  }
  changed_.NotifyAll();
  for (const auto& watcher : All()) watcher->Stop();
  work_.Shutdown();
  if (poller_.joinable()) poller_.join();
}

void WatchHub::PollLoop() {
  while (true) {
    {
      const auto deadline = std::chrono::steady_clock::now() + kSafetyPoll;
      MutexLock lock(&mutex_);
      while (!stopping_ && std::chrono::steady_clock::now() < deadline) {
        changed_.WaitUntil(&mutex_, deadline);
      }
      if (stopping_) return;
    }
    WakeAll();
  }
}

}  // namespace longshore::services
