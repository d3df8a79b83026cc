// What can be told of a connection string without a connection.
#ifndef LONGSHORE_STORAGE_DATABASE_URL_H_
#define LONGSHORE_STORAGE_DATABASE_URL_H_

#include <string>

#include "absl/status/status.h"

namespace longshore::storage {

// Errors: InvalidArgument when it is no connection string of libpq; the message does not repeat it,
// because it may hold a password.
absl::Status CheckUrl(const std::string& url);

// Returns whether the connection goes to another machine in a way that others may read or answer:
// without sslmode=verify-full or verify-ca. `url` is a good one.
bool IsExposed(const std::string& url);

}  // namespace longshore::storage

#endif  // LONGSHORE_STORAGE_DATABASE_URL_H_
