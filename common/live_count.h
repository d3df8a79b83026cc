// Counts objects that end on somebody else's threads, so that the owner of what they use can wait
// for the last of them.
#ifndef LONGSHORE_COMMON_LIVE_COUNT_H_
#define LONGSHORE_COMMON_LIVE_COUNT_H_

#include "common/mutex.h"

namespace longshore {

// Thread-safe.
class LiveCount {
 public:
  // A part of the object that is counted, for as long as that exists. Declared first, it ends last.
  class Member {
   public:
    explicit Member(LiveCount* count) : count_(*count) {
      MutexLock lock(&count_.mutex_);
      ++count_.members_;
    }
    ~Member() {
      MutexLock lock(&count_.mutex_);
      --count_.members_;
      count_.changed_.NotifyAll();  // Under the lock: the count may be gone right after.
    }
    Member(const Member&) = delete;
    Member& operator=(const Member&) = delete;

   private:
    LiveCount& count_;
  };

  // Returns once there is none. The caller sees to it that no more come.
  void AwaitNone() ABSL_LOCKS_EXCLUDED(mutex_) {
    MutexLock lock(&mutex_);
    while (members_ > 0) changed_.Wait(&mutex_);
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  int members_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace longshore

#endif  // LONGSHORE_COMMON_LIVE_COUNT_H_
