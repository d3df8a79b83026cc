#include "http/open_connections.h"

#include <utility>

namespace longshore::http {

int64_t OpenConnections::Add(std::weak_ptr<OpenConnection> connection, int max) {
  MutexLock lock(&mutex_);
  if (draining_ || open_.size() >= static_cast<size_t>(max)) return 0;
  open_[++last_] = std::move(connection);
  return last_;
}

void OpenConnections::Remove(int64_t number) {
  MutexLock lock(&mutex_);
  open_.erase(number);
  removed_.NotifyAll();
}

std::map<int64_t, std::shared_ptr<OpenConnection>> OpenConnections::All() {
  MutexLock lock(&mutex_);
  std::map<int64_t, std::shared_ptr<OpenConnection>> all;
  for (const auto& [number, connection] : open_) {
    if (auto held = connection.lock(); held != nullptr) all[number] = std::move(held);
  }
  return all;
}

void OpenConnections::DrainAll() {
  {
    MutexLock lock(&mutex_);
    draining_ = true;
  }
  for (const auto& [number, connection] : All()) connection->Drain();
}

void OpenConnections::CutAfter(std::chrono::milliseconds patience) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  {
    MutexLock lock(&mutex_);
    while (!open_.empty() && std::chrono::steady_clock::now() < deadline) {
      removed_.WaitUntil(&mutex_, deadline);
    }
  }
  for (const auto& [number, connection] : All()) connection->Cut();
}

}  // namespace longshore::http
