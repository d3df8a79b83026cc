// What a worker counts of its connections to instances.
#ifndef LONGSHORE_PAYLOAD_WORKER_SSH_TRAFFIC_H_
#define LONGSHORE_PAYLOAD_WORKER_SSH_TRAFFIC_H_

#include "common/metrics.h"

namespace longshore::ssh {

struct TrafficMetrics {
  prometheus::Family<metrics::Counter>& bytes =
      metrics::Counters("longshore_ssh_bytes_total",
                        "Bytes over SSH connections to instances, as they are encrypted.");
  metrics::Counter& received = bytes.Add({{"direction", "received"}});
  metrics::Counter& sent = bytes.Add({{"direction", "sent"}});
};

// Returns those of this process, which are there from the first call on. Thread-safe.
inline TrafficMetrics& Traffic() {
  static auto* const kMetrics = new TrafficMetrics();
  return *kMetrics;
}

}  // namespace longshore::ssh

#endif  // LONGSHORE_PAYLOAD_WORKER_SSH_TRAFFIC_H_
