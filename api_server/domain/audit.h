// What a call changed, for the audit.
#ifndef LONGSHORE_API_SERVER_DOMAIN_AUDIT_H_
#define LONGSHORE_API_SERVER_DOMAIN_AUDIT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "api_server/domain/caller.h"
#include "storage/connection.h"

namespace longshore::domain {

// docs/security.md, "Audit", says which ids each method notes. Without ids nothing was changed.
struct Change {
  std::string project;  // Empty: of several.
  std::vector<int64_t> ids;
  std::string script_sha256;  // 32 raw bytes, or empty.
};

// Notes a change in the transaction that makes it, so that neither is there without the other. Does
// nothing when nothing was changed.
absl::Status NoteChange(storage::Connection& connection, const Caller& caller,
                        const Change& change);

}  // namespace longshore::domain

#endif  // LONGSHORE_API_SERVER_DOMAIN_AUDIT_H_
