#include "common/process_limits.h"

#include <sys/resource.h>

namespace longshore {

void ForbidCoreDumps() {
  rlimit limit{};
  if (getrlimit(RLIMIT_CORE, &limit) != 0) return;
  limit.rlim_cur = 0;
  setrlimit(RLIMIT_CORE, &limit);
}

int64_t RaiseFileLimit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  const rlimit raised{.rlim_cur = limit.rlim_max, .rlim_max = limit.rlim_max};
  const bool done = setrlimit(RLIMIT_NOFILE, &raised) == 0;
  return static_cast<int64_t>(done ? raised.rlim_cur : limit.rlim_cur);
}

}  // namespace longshore
