// Locks payloads and their tasks, for RPCs that change or stop them.
#ifndef LONGSHORE_API_SERVER_DOMAIN_PAYLOAD_LOCK_H_
#define LONGSHORE_API_SERVER_DOMAIN_PAYLOAD_LOCK_H_

#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "api_server/domain/caller.h"
#include "api_server/domain/signals.h"
#include "storage/output_store.h"
#include "storage/payload_store.h"
#include "storage/task_store.h"

namespace longshore::domain {

// Locked payloads, each with all its tasks by ascending id.
struct LockedPayloads {
  std::map<int64_t, storage::StoredPayload> payloads;
  std::map<int64_t, std::vector<storage::LockedTask>> tasks;  // By payload.
  std::map<std::string, int64_t> projects;                    // How many payloads are of each.

  // Returns their project; empty when they are of several.
  std::string Project() const { return projects.size() == 1 ? projects.begin()->first : ""; }

  // Returns the task that moves the payload now, or moved it last.
  const storage::LockedTask& CurrentTask(int64_t payload_id) const {
    return tasks.at(payload_id).back();
  }
};

// Locks tasks first and payloads second, as everybody does. Errors: PAYLOAD_NOT_FOUND; Aborted,
// which repeats the transaction, when a payload got another task meanwhile.
absl::StatusOr<LockedPayloads> LockPayloads(storage::Connection& connection, const Caller& caller,
                                            const std::vector<int64_t>& ids);

// What a cancel did. Tell is called after the commit.
struct CancelOutcome {
  std::vector<int64_t> asked;  // Tasks that their holders have to stop.
  std::vector<int64_t> ended;  // Payloads that have ended.

  void Tell(Signals& signals) const;
};

// Ends every payload of `locked` that is not terminal, or asks its holder to stop it.
absl::StatusOr<CancelOutcome> CancelPayloads(storage::Connection& connection,
                                             const LockedPayloads& locked,
                                             const OutputLimit& limit);

}  // namespace longshore::domain

#endif  // LONGSHORE_API_SERVER_DOMAIN_PAYLOAD_LOCK_H_
