// Scripts by content: each travels to this worker once.
#ifndef LONGSHORE_PAYLOAD_WORKER_SCRIPT_CACHE_H_
#define LONGSHORE_PAYLOAD_WORKER_SCRIPT_CACHE_H_

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
  // `request` asks the server for a script, whose answer comes to Put; it may be called again for
  // the same script.
  ScriptCache(size_t max_bytes, std::function<void(const std::string& sha256)> request);

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
    std::list<std::string>::iterator recent;
  };
  void Evict() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const size_t max_bytes_;
  const std::function<void(const std::string&)> request_;
  Mutex mutex_;
  CondVar changed_;
  std::map<std::string, Entry> entries_ ABSL_GUARDED_BY(mutex_);
  std::list<std::string> recent_
      ABSL_GUARDED_BY(mutex_);  // Used last first; only those with content.
  size_t bytes_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace longshore

#endif  // LONGSHORE_PAYLOAD_WORKER_SCRIPT_CACHE_H_
