// Ends the watches of tokens that do not count any more.
#ifndef LONGSHORE_API_SERVER_SERVICES_WATCH_TOKENS_H_
#define LONGSHORE_API_SERVER_SERVICES_WATCH_TOKENS_H_

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "common/mutex.h"
#include "storage/database.h"

namespace longshore::services {

// An open watch. Thread-safe.
class TokenHolder {
 public:
  virtual ~TokenHolder() = default;
  // Ends the watch with an error.
  virtual void Refuse(const absl::Status& why) = 0;
};

// Thread-safe. A thread asks the database every two seconds, by one statement over a connection of
// its own, which of the tokens with open watches still count; another ends all watches when the
// answer takes too long.
class WatchTokens {
 public:
  // At most `max_watches` of one token are open at a time; 0: any number.
  WatchTokens(const storage::Database& database, int max_watches);
  ~WatchTokens();

  // `holder` was admitted by this token just now; 0: without one. Errors: QUOTA_EXCEEDED.
  absl::Status Add(int64_t token_id, std::weak_ptr<TokenHolder> holder) ABSL_LOCKS_EXCLUDED(mutex_);
  void Shutdown() ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  using Clock = std::chrono::steady_clock;

  // Does it again and again until the shutdown.
  void Repeat(std::chrono::milliseconds period, const std::function<void()>& action)
      ABSL_LOCKS_EXCLUDED(mutex_);
  // Forgets the watches that have ended, and returns the tokens of the others.
  std::set<int64_t> TokensInUse() ABSL_LOCKS_EXCLUDED(mutex_);
  void AskForInvalid() ABSL_LOCKS_EXCLUDED(mutex_);
  void CheckAnswered() ABSL_LOCKS_EXCLUDED(mutex_);
  // Ends the watches of these tokens.
  void Refuse(const std::set<int64_t>& tokens, const absl::Status& why) ABSL_LOCKS_EXCLUDED(mutex_);

  storage::Database database_;
  const size_t max_watches_;
  Mutex mutex_;
  CondVar changed_;
  std::map<int64_t, std::vector<std::weak_ptr<TokenHolder>>> holders_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  // When the database was asked for the last time that it answered, and whether it is asked now.
  Clock::time_point answered_ ABSL_GUARDED_BY(mutex_) = Clock::now();
  bool asked_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread asking_;
  std::thread checking_;
};

}  // namespace longshore::services

#endif  // LONGSHORE_API_SERVER_SERVICES_WATCH_TOKENS_H_
