#include "cli/instance_names.h"

#include "absl/strings/str_join.h"
#include "cli/errors.h"
#include "cli/pages.h"
#include "cli/values.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace longshore::cli {

absl::StatusOr<int64_t> FindByName(const std::string& name,
                                   const std::vector<v1::Instance>& instances) {
  std::vector<int64_t> live;
  std::vector<int64_t> terminated;
  for (const v1::Instance& instance : instances) {
    if (instance.name() != name) continue;
    const bool ended = instance.status() == v1::INSTANCE_STATUS_TERMINATED;
    (ended ? terminated : live).push_back(instance.id());
  }
  const std::vector<int64_t>& found = live.empty() ? terminated : live;
  if (found.size() == 1) return found.front();
  if (found.empty()) {
    return WithExitStatus(WithReason(absl::NotFoundError("no instance has the name '" + name + "'"),
                                     "INSTANCE_NOT_FOUND"),
                          kExitRefused);
  }
  return UsageError("several instances have the name '" + name +
                    "'; give one of their ids: " + absl::StrJoin(found, ", "));
}

absl::StatusOr<std::vector<int64_t>> InstanceIds(const std::vector<std::string>& words,
                                                 Client* client) {
  std::vector<v1::Instance> instances;
  bool listed = false;
  std::vector<int64_t> ids;
  ids.reserve(words.size());
  for (const std::string& word : words) {
    if (IsNumber(word)) {
      ASSIGN_OR_RETURN(ids.emplace_back(), ParseId("instance", word));
      continue;
    }
    if (!listed) {
      ASSIGN_OR_RETURN(instances,
                       ReadPages(client, &Client::ListInstances,
                                 &v1::ListInstancesResponse::mutable_instances, {}, kNoLimit));
      listed = true;
    }
    ASSIGN_OR_RETURN(ids.emplace_back(), FindByName(word, instances));
  }
  return ids;
}

absl::StatusOr<int64_t> InstanceId(const std::string& word, Client* client) {
  if (word.empty()) return 0;
  ASSIGN_OR_RETURN(const std::vector<int64_t> ids, InstanceIds({word}, client));
  return ids.front();
}

}  // namespace longshore::cli
