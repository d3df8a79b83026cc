// Names a lease. All parts of the worker use it to refer to a task that the worker holds.
#ifndef LONGSHORE_PAYLOAD_WORKER_LINK_LEASE_KEY_H_
#define LONGSHORE_PAYLOAD_WORKER_LINK_LEASE_KEY_H_

#include <compare>
#include <cstdint>

namespace longshore {

// A task under one lease. Another lease of the same task has a higher epoch.
struct LeaseKey {
  int64_t task_id = 0;
  int64_t lease_epoch = 0;
  auto operator<=>(const LeaseKey&) const = default;
};

}  // namespace longshore

#endif  // LONGSHORE_PAYLOAD_WORKER_LINK_LEASE_KEY_H_
