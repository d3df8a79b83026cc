// The two usual macros for absl::Status, which Debian's Abseil does not ship.
#ifndef LONGSHORE_COMMON_STATUS_MACROS_H_
#define LONGSHORE_COMMON_STATUS_MACROS_H_

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

// Returns from the enclosing function when `expr` is an error.
#define RETURN_IF_ERROR(expr)                           \
  do {                                                  \
    if (absl::Status status_ = (expr); !status_.ok()) { \
      return status_;                                   \
    }                                                   \
  } while (false)

#define LONGSHORE_CONCAT_INNER(a, b) a##b
#define LONGSHORE_CONCAT(a, b) LONGSHORE_CONCAT_INNER(a, b)

// ASSIGN_OR_RETURN(auto value, Compute()) declares or assigns `value` when Compute succeeds, and
// otherwise returns its error from the enclosing function.
#define ASSIGN_OR_RETURN(lhs, expr) \
  ASSIGN_OR_RETURN_IMPL(LONGSHORE_CONCAT(status_or_, __LINE__), lhs, expr)
#define ASSIGN_OR_RETURN_IMPL(result, lhs, expr) \
  auto result = (expr);                          \
  if (!result.ok()) return result.status();      \
  lhs = *std::move(result)

#endif  // LONGSHORE_COMMON_STATUS_MACROS_H_
