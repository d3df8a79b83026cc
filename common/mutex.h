// A mutex that both clang's thread-safety analysis and ThreadSanitizer understand.
//
// Debian's Abseil is not instrumented, so TSan cannot see absl::Mutex's happens-before; std::mutex it can.
#ifndef LONGSHORE_COMMON_MUTEX_H_
#define LONGSHORE_COMMON_MUTEX_H_

#include <chrono>
#include <condition_variable>
#include <mutex>

#if defined(__clang__)
#define LONGSHORE_THREAD_ATTRIBUTE(x) __attribute__((x))
#else
#define LONGSHORE_THREAD_ATTRIBUTE(x)
#endif

#define CAPABILITY(x) LONGSHORE_THREAD_ATTRIBUTE(capability(x))
#define SCOPED_CAPABILITY LONGSHORE_THREAD_ATTRIBUTE(scoped_lockable)
#define GUARDED_BY(x) LONGSHORE_THREAD_ATTRIBUTE(guarded_by(x))
#define REQUIRES(...) LONGSHORE_THREAD_ATTRIBUTE(requires_capability(__VA_ARGS__))
#define EXCLUDES(...) LONGSHORE_THREAD_ATTRIBUTE(locks_excluded(__VA_ARGS__))
#define ACQUIRE(...) LONGSHORE_THREAD_ATTRIBUTE(acquire_capability(__VA_ARGS__))
#define RELEASE(...) LONGSHORE_THREAD_ATTRIBUTE(release_capability(__VA_ARGS__))
#define NO_THREAD_SAFETY_ANALYSIS LONGSHORE_THREAD_ATTRIBUTE(no_thread_safety_analysis)

namespace longshore {

class CAPABILITY("mutex") Mutex {
 public:
  void Lock() ACQUIRE() { mutex_.lock(); }
  void Unlock() RELEASE() { mutex_.unlock(); }

 private:
  friend class CondVar;
  std::mutex mutex_;
};

// Holds a Mutex for a scope.
class SCOPED_CAPABILITY MutexLock {
 public:
  explicit MutexLock(Mutex* mutex) ACQUIRE(mutex) : mutex_(*mutex) { mutex_.Lock(); }
  ~MutexLock() RELEASE() { mutex_.Unlock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  Mutex& mutex_;
};

// Condition variable for Mutex. Every wait may wake for no reason: wait in a loop over the condition.
class CondVar {
 public:
  void Wait(Mutex* mutex) REQUIRES(mutex) {
    std::unique_lock<std::mutex> lock(mutex->mutex_, std::adopt_lock);
    condition_.wait(lock);
    lock.release();
  }
  // Returns at `deadline` at the latest.
  void WaitUntil(Mutex* mutex, std::chrono::steady_clock::time_point deadline) REQUIRES(mutex) {
    std::unique_lock<std::mutex> lock(mutex->mutex_, std::adopt_lock);
    condition_.wait_until(lock, deadline);
    lock.release();
  }
  void NotifyOne() { condition_.notify_one(); }
  void NotifyAll() { condition_.notify_all(); }

 private:
  std::condition_variable condition_;
};

}  // namespace longshore

#endif  // LONGSHORE_COMMON_MUTEX_H_
