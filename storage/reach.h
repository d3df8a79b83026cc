// Which tasks a worker can carry out.
#ifndef LONGSHORE_STORAGE_REACH_H_
#define LONGSHORE_STORAGE_REACH_H_

#include <string>

#include "common/policy.h"
#include "storage/connection.h"
#include "storage/scope.h"

namespace longshore::storage {

// Those of the instances of its pool, in the projects that it takes. Claims are made for one Reach
// after the other.
struct Reach {
  Scope projects = Scope::Everything();
  std::string pool = std::string(policy::kDefaultPool);

  bool operator==(const Reach&) const = default;

  // Sets @pool and the parameters of the fragment in_scope.
  Params& AddTo(Params& params) const { return projects.AddTo(params.Text("pool", pool)); }
};

}  // namespace longshore::storage

#endif  // LONGSHORE_STORAGE_REACH_H_
