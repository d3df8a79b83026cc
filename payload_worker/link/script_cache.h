// Scripts by their hash, so that each is sent to this worker once.
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

// Thread-safe. Keeps the scripts that were used last, up to a number of bytes. A script that is in
// use lives on with its user.
class ScriptCache {
 public:
  // `request` asks the server for a script; the answer comes to Put. It is called again after
  // `ask_again`, because a server whose database is away, or a broken link, does not answer.
  ScriptCache(size_t max_bytes, std::function<void(const std::string& sha256)> request,
              std::chrono::milliseconds ask_again = std::chrono::seconds(2));

  using Content = std::shared_ptr<const std::string>;
  // Returns the script, waiting for it until `limit` is over. Errors: Unavailable (it did not come
  // in time), NotFound (the server answered without it).
  absl::StatusOr<Content> Get(const std::string& sha256, std::chrono::milliseconds limit)
      ABSL_LOCKS_EXCLUDED(mutex_);
  // Takes the server's answer. Empty content means that the server has no such script; content that
  // does not have the hash is treated in the same way.
  void Put(const std::string& sha256, std::string content) ABSL_LOCKS_EXCLUDED(mutex_);
  // Asks again for the scripts that somebody waits for, because the stream on which they were
  // requested is gone.
  void RequestAgain() ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  struct Entry {
    Content content;  // Null until it has come.
    bool missing = false;
    int waiting = 0;                                 // How many calls of Get wait for it.
    std::chrono::steady_clock::time_point ask_at{};  // When to ask for it (again).
    std::list<std::string>::iterator recent;
  };
  // Waits. Returns true when it is time to ask, and false when there is an answer or the time is
  // over.
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
      // The last used first; only scripts with content.
      ABSL_GUARDED_BY(mutex_);
  size_t bytes_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace longshore

#endif  // LONGSHORE_PAYLOAD_WORKER_LINK_SCRIPT_CACHE_H_
