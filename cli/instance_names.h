// Instances that the command line names.
#ifndef LONGSHORE_CLI_INSTANCE_NAMES_H_
#define LONGSHORE_CLI_INSTANCE_NAMES_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cli/client.h"

namespace longshore::cli {

// The id of the one instance of that name. One that is not terminated comes before those that are.
// Errors: none has it (kExitRefused, as for an unknown id), or several have it (kExitUsage).
absl::StatusOr<int64_t> FindByName(const std::string& name,
                                   const std::vector<v1::Instance>& instances);

// The ids of instances each of which is given by its id or its name, see ParseInstance. Asks the
// api_server only when there is a name.
absl::StatusOr<std::vector<int64_t>> InstanceIds(const std::vector<std::string>& words,
                                                 Client* client);
// 0 for an empty word.
absl::StatusOr<int64_t> InstanceId(const std::string& word, Client* client);

}  // namespace longshore::cli

#endif  // LONGSHORE_CLI_INSTANCE_NAMES_H_
