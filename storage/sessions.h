// Whether connections to the database are sessions of their own.
#ifndef LONGSHORE_STORAGE_SESSIONS_H_
#define LONGSHORE_STORAGE_SESSIONS_H_

#include <string>

#include "absl/status/status.h"

namespace longshore::storage {

// Longshore prepares statements, listens, takes locks of sessions and sets limits for them. A
// pooler that hands a connection on after each transaction, as PgBouncer does with pool_mode =
// transaction, or that drops the settings of a session, would lose all of that without a word, and
// some of it only under load. Returns FailedPrecondition, which says so, when there is one between;
// Unavailable when the database is away.
absl::Status CheckSessions(const std::string& url);

}  // namespace longshore::storage

#endif  // LONGSHORE_STORAGE_SESSIONS_H_
