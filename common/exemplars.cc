#include "common/exemplars.h"

#include <utility>

namespace longshore::metrics {

void Exemplars::Keep(const std::string& family, const prometheus::Labels& labels, double bound,
                     Exemplar exemplar) {
  MutexLock lock(&mutex_);
  latest_.insert_or_assign(Key(family, labels, bound), std::move(exemplar));
}

std::optional<Exemplar> Exemplars::Find(const std::string& family, const prometheus::Labels& labels,
                                        double bound) const {
  MutexLock lock(&mutex_);
  const auto found = latest_.find(Key(family, labels, bound));
  return found == latest_.end() ? std::nullopt : std::optional(found->second);
}

}  // namespace longshore::metrics
