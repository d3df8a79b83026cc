// The traces of what was counted last: exemplars, as OpenMetrics calls them.
#ifndef LONGSHORE_COMMON_EXEMPLARS_H_
#define LONGSHORE_COMMON_EXEMPLARS_H_

#include <prometheus/labels.h>

#include <map>
#include <optional>
#include <string>
#include <tuple>

#include "absl/time/time.h"
#include "common/mutex.h"

namespace longshore::metrics {

struct Exemplar {
  std::string trace_id;
  double value = 0;  // By how much a counter was raised, or what a histogram was given.
  absl::Time at;
};

// The latest one of each counter and of each bucket of a histogram, so there are never more than
// those. Thread-safe.
class Exemplars {
 public:
  // `bound` is the upper bound of the bucket; of a counter it is 0.
  void Keep(const std::string& family, const prometheus::Labels& labels, double bound,
            Exemplar exemplar) ABSL_LOCKS_EXCLUDED(mutex_);
  std::optional<Exemplar> Find(const std::string& family, const prometheus::Labels& labels,
                               double bound) const ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  using Key = std::tuple<std::string, prometheus::Labels, double>;

  mutable Mutex mutex_;
  std::map<Key, Exemplar> latest_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace longshore::metrics

#endif  // LONGSHORE_COMMON_EXEMPLARS_H_
