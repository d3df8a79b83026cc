// Bounds what the bodies of requests take of memory, of all connections together.
#ifndef LONGSHORE_HTTP_BODY_BUDGET_H_
#define LONGSHORE_HTTP_BODY_BUDGET_H_

#include <atomic>
#include <cstdint>
#include <utility>

namespace longshore::http {

// Thread-safe. It outlives its shares.
class BodyBudget {
 public:
  explicit BodyBudget(int64_t bytes) : left_(bytes) {}

  // A part of the budget, which returns to it at the end.
  class Share {
   public:
    Share() = default;
    Share(Share&& other) noexcept { *this = std::move(other); }
    Share& operator=(Share&& other) noexcept {
      std::swap(budget_, other.budget_);
      std::swap(bytes_, other.bytes_);
      return *this;
    }
    ~Share() {
      if (budget_ != nullptr) budget_->left_ += bytes_;
    }
    explicit operator bool() const { return budget_ != nullptr; }

   private:
    friend class BodyBudget;
    BodyBudget* budget_ = nullptr;
    int64_t bytes_ = 0;
  };

  // Returns an empty share when there is not so much left.
  Share Take(int64_t bytes) {
    Share share;
    int64_t left = left_;
    do {
      if (left < bytes) return share;
    } while (!left_.compare_exchange_weak(left, left - bytes));
    share.budget_ = this;
    share.bytes_ = bytes;
    return share;
  }

 private:
  std::atomic<int64_t> left_;
};

}  // namespace longshore::http

#endif  // LONGSHORE_HTTP_BODY_BUDGET_H_
