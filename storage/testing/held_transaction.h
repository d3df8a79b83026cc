// A transaction that is held open, for tests of what others do beside it.
#ifndef LONGSHORE_STORAGE_TESTING_HELD_TRANSACTION_H_
#define LONGSHORE_STORAGE_TESTING_HELD_TRANSACTION_H_

#include <gtest/gtest.h>

#include <functional>
#include <future>
#include <thread>

#include "absl/status/status.h"
#include "storage/database.h"

namespace longshore::storage {

// It has a connection of the database, and a thread, until it is released. One thread of the test
// uses it.
class HeldTransaction {
 public:
  using Body = std::function<absl::Status(Connection&)>;

  // Returns when `body` is done, which has to succeed.
  explicit HeldTransaction(
      Database* database, const Body& body = [](Connection&) { return absl::OkStatus(); })
      : thread_([this, database, body] {
          const absl::Status status = database->Transact([&](Connection& connection) {
            absl::Status done = body(connection);
            held_.set_value();
            released_.get_future().wait();
            return done;
          });
          EXPECT_TRUE(status.ok()) << status;
        }) {
    held_.get_future().wait();
  }
  ~HeldTransaction() { Release(); }

  // Commits it, and returns when that is done. Only the first call counts.
  void Release() {
    if (!thread_.joinable()) return;
    released_.set_value();
    thread_.join();
  }

 private:
  std::promise<void> held_;
  std::promise<void> released_;
  std::thread thread_;
};

}  // namespace longshore::storage

#endif  // LONGSHORE_STORAGE_TESTING_HELD_TRANSACTION_H_
