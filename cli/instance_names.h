// Finds instances that the command line names.
#ifndef LONGSHORE_CLI_INSTANCE_NAMES_H_
#define LONGSHORE_CLI_INSTANCE_NAMES_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cli/client.h"

namespace longshore::cli {

// Returns the id of the instance with this name. Instances that are TERMINATED count only when no
// other has the name. Errors: no instance has it (kExitRefused, as for an unknown id), or several
// have it (kExitUsage).
absl::StatusOr<int64_t> FindByName(const std::string& name,
                                   const std::vector<v1::Instance>& instances);

// Returns the ids of instances, each of which is given by its id or its name (see ParseInstance).
// Asks the api_server only when there is a name.
absl::StatusOr<std::vector<int64_t>> InstanceIds(const std::vector<std::string>& words,
                                                 Client* client);
// Does the same for one instance. Returns 0 for an empty word.
absl::StatusOr<int64_t> InstanceId(const std::string& word, Client* client);

}  // namespace longshore::cli

#endif  // LONGSHORE_CLI_INSTANCE_NAMES_H_
