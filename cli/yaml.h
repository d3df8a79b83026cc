// Turns JSON into YAML.
#ifndef LONGSHORE_CLI_YAML_H_
#define LONGSHORE_CLI_YAML_H_

#include <string>

namespace longshore::cli {

// Returns YAML of the same content as `json`, which is one valid document. Every string is quoted,
// so that none is taken for a number, a date or a boolean.
std::string YamlFromJson(const std::string& json);

}  // namespace longshore::cli

#endif  // LONGSHORE_CLI_YAML_H_
