#include "payload_worker/connector_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>

namespace longshore {
namespace {

using std::chrono::milliseconds;

// Holds whoever waits until it is opened, and counts them.
class Gate {
 public:
  void Wait() {
    MutexLock lock(&mutex_);
    ++waiting_;
    changed_.NotifyAll();
    while (!open_) changed_.Wait(&mutex_);
  }
  void WaitFor(int count) {
    MutexLock lock(&mutex_);
    while (waiting_ < count) changed_.Wait(&mutex_);
  }
  void Open() {
    {
      MutexLock lock(&mutex_);
      open_ = true;
    }
    changed_.NotifyAll();
  }
  int waiting() {
    MutexLock lock(&mutex_);
    return waiting_;
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  int waiting_ ABSL_GUARDED_BY(mutex_) = 0;
  bool open_ ABSL_GUARDED_BY(mutex_) = false;
};

constexpr milliseconds kNever = std::chrono::hours(1);
constexpr int kTalking = 1;  // Descriptors of the tests: one that always hears something,
constexpr int kSilent = 2;   // and one that never does.

// A job gives its slot up at once when nothing comes, and as long as it has no socket.
ConnectorPoolOptions Options(int slots) {
  return {.slots = slots,
          .max_threads = 100,
          .stalled_after = milliseconds(1),
          .slot_limit = kNever,
          .silence_of = [](int fd) { return fd == kSilent ? kNever : milliseconds(0); }};
}

// A job keeps its slot. A slow machine may stop one for long before it names its socket.
ConnectorPoolOptions NeverStalled(int slots) {
  ConnectorPoolOptions options = Options(slots);
  options.stalled_after = kNever;
  return options;
}

TEST(ConnectorPoolTest, AsManyAtATimeAsThereArePlaces) {
  Gate gate;
  ConnectorPool pool(NeverStalled(3), [] {});
  for (int i = 0; i < 10; ++i) {
    pool.Add(
        [&](const ConnectorPool::OnSocket& on_socket) {
          on_socket(kTalking);
          gate.Wait();
        },
        false);
  }
  gate.WaitFor(3);
  EXPECT_EQ(pool.Room(), 0);
  EXPECT_EQ(gate.waiting(), 3);
  gate.Open();
  gate.WaitFor(10);
}

TEST(ConnectorPoolTest, OneThatWaitsForItsInstanceLendsItsPlace) {
  Gate silent;
  Gate healthy;
  ConnectorPool pool(Options(3), [] {});
  for (int i = 0; i < 50; ++i) {
    pool.Add(
        [&](const ConnectorPool::OnSocket& on_socket) {
          on_socket(kSilent);
          silent.Wait();
        },
        false);
  }
  pool.Add([&](const ConnectorPool::OnSocket&) { healthy.Wait(); }, false);
  healthy.WaitFor(1);
  silent.WaitFor(50);
  EXPECT_GT(pool.Room(), 0);
  healthy.Open();
  silent.Open();
}

TEST(ConnectorPoolTest, OneWithoutASocketLendsItsPlaceToo) {
  Gate resolving;
  Gate healthy;
  ConnectorPool pool(Options(1), [] {});
  pool.Add([&](const ConnectorPool::OnSocket&) { resolving.Wait(); }, false);
  pool.Add([&](const ConnectorPool::OnSocket&) { healthy.Wait(); }, false);
  healthy.WaitFor(1);
  healthy.Open();
  resolving.Open();
}

TEST(ConnectorPoolTest, NobodyHoldsAPlaceForLong) {
  Gate talking;
  Gate healthy;
  ConnectorPoolOptions options = Options(1);
  options.slot_limit = milliseconds(1);
  ConnectorPool pool(options, [] {});
  pool.Add(
      [&](const ConnectorPool::OnSocket& on_socket) {
        on_socket(kTalking);
        talking.Wait();
      },
      false);
  pool.Add([&](const ConnectorPool::OnSocket&) { healthy.Wait(); }, false);
  healthy.WaitFor(1);
  healthy.Open();
  talking.Open();
}

TEST(ConnectorPoolTest, WhatHasFailedBeforeHasAQuarterAndComesLast) {
  Gate failed;
  Gate fresh;
  ConnectorPool pool(NeverStalled(8), [] {});
  const auto job = [](Gate* gate) {
    return [gate](const ConnectorPool::OnSocket& on_socket) {
      on_socket(kTalking);
      gate->Wait();
    };
  };
  for (int i = 0; i < 20; ++i) pool.Add(job(&failed), true);
  failed.WaitFor(2);
  for (int i = 0; i < 6; ++i) pool.Add(job(&fresh), false);
  fresh.WaitFor(6);
  EXPECT_EQ(failed.waiting(), 2);
  fresh.Open();
  failed.Open();
  failed.WaitFor(20);
}

TEST(ConnectorPoolTest, TheThreadsAreBoundedAndFailedOnesLeaveHalf) {
  Gate failed;
  Gate fresh;
  ConnectorPoolOptions options = Options(2);
  options.max_threads = 10;
  ConnectorPool pool(options, [] {});
  const auto job = [](Gate* gate) {
    return [gate](const ConnectorPool::OnSocket& on_socket) {
      on_socket(kSilent);
      gate->Wait();
    };
  };
  for (int i = 0; i < 30; ++i) pool.Add(job(&failed), true);
  failed.WaitFor(5);
  for (int i = 0; i < 30; ++i) pool.Add(job(&fresh), false);
  fresh.WaitFor(5);
  EXPECT_EQ(failed.waiting() + fresh.waiting(), 10);
  EXPECT_EQ(pool.Room(), 0);
  fresh.Open();
  failed.Open();
  fresh.WaitFor(30);
  failed.WaitFor(30);
}

TEST(ConnectorPoolTest, TellsWhenThereIsRoom) {
  Gate told;
  ConnectorPool pool(Options(1), [&] { told.Wait(); });
  told.Open();
  pool.Add([](const ConnectorPool::OnSocket&) {}, false);
  told.WaitFor(1);
}

TEST(ConnectorPoolTest, ShutdownDropsWhatHasNotBegun) {
  std::atomic<int> begun = 0;
  Gate gate;
  auto pool = std::make_unique<ConnectorPool>(Options(1), [] {});
  pool->Add(
      [&](const ConnectorPool::OnSocket& on_socket) {
        on_socket(kTalking);
        ++begun;
        gate.Wait();
      },
      false);
  gate.WaitFor(1);
  pool->Add([&](const ConnectorPool::OnSocket&) { ++begun; }, false);
  std::thread end([&] { pool.reset(); });
  gate.Open();
  end.join();
  EXPECT_LE(begun, 2);
}

}  // namespace
}  // namespace longshore
