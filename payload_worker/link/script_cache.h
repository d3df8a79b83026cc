// Scripts by content: each travels to this worker once.
#ifndef LONGSHORE_PAYLOAD_WORKER_LINK_SCRIPT_CACHE_H_
#define LONGSHORE_PAYLOAD_WORKER_LINK_SCRIPT_CACHE_H_

#include <chrono>
#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "common/mutex.h"

namespace longshore {

// Thread-safe. Keeps the scripts used last, up to a number of bytes; one that is in use stays alive
// with its user.
class ScriptCache {
 public:
  // `request` asks the server for a script, whose answer comes to Put. It is called again after
  // `ask_again`: a server whose database is away, or a link that swallows, does not answer.
  ScriptCache(size_t max_bytes, std::function<void(const std::string& sha256)> request,
              std::chrono::milliseconds ask_again = std::chrono::seconds(2));

  using Content = std::shared_ptr<const std::string>;
  // Waits for the script at most `limit`. Unavailable when it did not come, NotFound when the
  // server does not have it.
  absl::StatusOr<Content> Get(const std::string& sha256, std::chrono::milliseconds limit)
      ABSL_LOCKS_EXCLUDED(mutex_);
  // The server's answer; empty content means that it has none. Content that is not what its name
  // says is dropped.
  void Put(const std::string& sha256, std::string content) ABSL_LOCKS_EXCLUDED(mutex_);
  // Asks again for what is waited for: the stream it was asked on is gone.
  void RequestAgain() ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  struct Entry {
    Content content;  // Null while it is waited for.
    bool missing = false;
    int waiting = 0;
    std::chrono::steady_clock::time_point ask_at{};  // When to ask for it (again).
    std::list<std::string>::iterator recent;
  };
  // Waits; true when it is time to ask, false when there is an answer or no more time.
  bool WaitOrAsk(const std::string& sha256, std::chrono::steady_clock::time_point deadline)
      ABSL_LOCKS_EXCLUDED(mutex_);
  void Evict() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const size_t max_bytes_;
  const std::function<void(const std::string&)> request_;
  const std::chrono::milliseconds ask_again_;
  Mutex mutex_;
  CondVar changed_;
  std::map<std::string, Entry> entries_ ABSL_GUARDED_BY(mutex_);
  std::list<std::string> recent_
      ABSL_GUARDED_BY(mutex_);  // Used last first; only those with content.
  size_t bytes_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace longshore

#endif  // LONGSHORE_PAYLOAD_WORKER_LINK_SCRIPT_CACHE_H_
