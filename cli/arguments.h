// The words of a command line: positional ones and --name value.
#ifndef LONGSHORE_CLI_ARGUMENTS_H_
#define LONGSHORE_CLI_ARGUMENTS_H_

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace longshore::cli {

// Which options a command takes.
struct OptionSpec {
  std::set<std::string> with_value;
  std::set<std::string> switches;
};

class Arguments {
 public:
  // Takes "--name value", "--name=value" and "--switch" anywhere; "--" ends the options. Errors
  // name the word.
  static absl::StatusOr<Arguments> Parse(const std::vector<std::string>& words,
                                         const OptionSpec& spec);

  const std::vector<std::string>& positional() const { return positional_; }
  bool Has(const std::string& name) const { return values_.count(name) > 0; }
  // The last value given; empty when there is none.
  std::string Text(const std::string& name) const;
  std::vector<std::string> All(const std::string& name) const;
  absl::StatusOr<int64_t> Int(const std::string& name, int64_t fallback) const;
  // 0 when it is not given; an error when it does not fit 32 bits.
  absl::StatusOr<int32_t> Int32(const std::string& name) const;
  // A comma-separated list of ids, over all its values.
  absl::StatusOr<std::vector<int64_t>> Ids(const std::string& name) const;

 private:
  std::vector<std::string> positional_;
  std::multimap<std::string, std::string> values_;
};

// A wrong command line, told from what a server refuses; see IsUsageError.
absl::Status UsageError(const std::string& problem);
bool IsUsageError(const absl::Status& status);

absl::StatusOr<int64_t> ParseInt(const std::string& what, const std::string& text);

}  // namespace longshore::cli

#endif  // LONGSHORE_CLI_ARGUMENTS_H_
