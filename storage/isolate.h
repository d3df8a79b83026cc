// Finds the rows that the database refuses, so that one bad row does not stop the others.
#ifndef LONGSHORE_STORAGE_ISOLATE_H_
#define LONGSHORE_STORAGE_ISOLATE_H_

#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/status.h"

namespace longshore::storage {

// Returns true for an error that the data of some row causes. Repeating the statement does not
// help; leaving that row out does.
inline bool IsRowFault(const absl::Status& status) {
  return !status.ok() && !absl::IsUnavailable(status) && !absl::IsAborted(status) &&
         !absl::IsCancelled(status);
}

template <typename Item>
// An item that was refused, and the error message.
struct Refused {
  Item item;
  std::string reason;
};

// Applies `apply`, which is one transaction, to all of `items`. If that fails because of a row, it
// applies it to each half of them, and so on down to single items, and returns the items that are
// refused alone. Any other error ends it and is returned. Some items have been applied by then, so
// `apply` must be safe to repeat.
template <typename Item>
absl::StatusOr<std::vector<Refused<Item>>> ApplyIsolated(
    const std::vector<Item>& items,
    const std::function<absl::Status(const std::vector<Item>&)>& apply) {
  std::vector<Refused<Item>> refused;
  std::vector<std::vector<Item>> untried;
  if (!items.empty()) untried.push_back(items);
  while (!untried.empty()) {
    const std::vector<Item> part = std::move(untried.back());
    untried.pop_back();
    const absl::Status status = apply(part);
    if (status.ok()) continue;
    if (!IsRowFault(status)) return status;
    if (part.size() == 1) {
      refused.push_back({part[0], ToString(status)});
      continue;
    }
    const auto middle = part.begin() + static_cast<ptrdiff_t>(part.size() / 2);
    untried.emplace_back(middle, part.end());
    untried.emplace_back(part.begin(), middle);
  }
  return refused;
}

}  // namespace longshore::storage

#endif  // LONGSHORE_STORAGE_ISOLATE_H_
