#include "storage/claims.h"

namespace longshore::storage {

Target ReadTarget(const Row& row) {
  return {.instance_id = row.Int("instance_id"),
          .address = row.String("address"),
          .port = static_cast<int>(row.Int("port")),
          .ssh_user = row.String("ssh_user"),
          .host_key = row.String("host_key"),
          .project = row.String("project")};
}

}  // namespace longshore::storage
