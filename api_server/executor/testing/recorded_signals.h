// Signals for tests, which are recorded instead of sent.
#ifndef LONGSHORE_API_SERVER_EXECUTOR_TESTING_RECORDED_SIGNALS_H_
#define LONGSHORE_API_SERVER_EXECUTOR_TESTING_RECORDED_SIGNALS_H_

#include <cstdint>
#include <vector>

#include "api_server/domain/signals.h"
#include "common/mutex.h"

namespace longshore::executor {

// Thread-safe. Ids are kept in the order of the signals.
class RecordedSignals : public domain::Signals {
 public:
  void TasksDue() override {
    MutexLock lock(&mutex_);
    ++tasks_due_;
  }
  void PayloadTasksDue() override { TasksDue(); }
  void PayloadsChanged(const std::vector<int64_t>& payload_ids) override {
    Append(payload_ids, &payloads_);
  }
  void InstancesChanged() override {
    MutexLock lock(&mutex_);
    ++instances_changed_;
  }
  void CancelRequested(const std::vector<int64_t>& task_ids) override {
    Append(task_ids, &cancels_);
  }
  void RecallRequested(const std::vector<int64_t>& task_ids) override {
    Append(task_ids, &recalls_);
  }

  int tasks_due() {
    MutexLock lock(&mutex_);
    return tasks_due_;
  }
  int instances_changed() {
    MutexLock lock(&mutex_);
    return instances_changed_;
  }
  std::vector<int64_t> payloads() {
    MutexLock lock(&mutex_);
    return payloads_;
  }
  std::vector<int64_t> cancels() {
    MutexLock lock(&mutex_);
    return cancels_;
  }
  std::vector<int64_t> recalls() {
    MutexLock lock(&mutex_);
    return recalls_;
  }

 private:
  void Append(const std::vector<int64_t>& ids, std::vector<int64_t>* to) {
    MutexLock lock(&mutex_);
    to->insert(to->end(), ids.begin(), ids.end());
  }

  Mutex mutex_;
  int tasks_due_ ABSL_GUARDED_BY(mutex_) = 0;
  int instances_changed_ ABSL_GUARDED_BY(mutex_) = 0;
  std::vector<int64_t> payloads_ ABSL_GUARDED_BY(mutex_);
  std::vector<int64_t> cancels_ ABSL_GUARDED_BY(mutex_);
  std::vector<int64_t> recalls_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace longshore::executor

#endif  // LONGSHORE_API_SERVER_EXECUTOR_TESTING_RECORDED_SIGNALS_H_
