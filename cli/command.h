// Declares commands: their options, and what they do. It keeps CLI11, whose header is large, out of
// the commands.
#ifndef LONGSHORE_CLI_COMMAND_H_
#define LONGSHORE_CLI_COMMAND_H_

#include <google/protobuf/generated_enum_reflection.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace CLI {
class App;
}  // namespace CLI

namespace longshore::cli {

struct Session;
struct Here;
// Carries out a command. Returns the exit status.
using Run = std::function<absl::StatusOr<int>(Session*)>;
// Carries out a command that asks no api_server, and works when access to one is set up wrongly.
using RunHere = std::function<absl::StatusOr<int>(const Here&)>;

// What the command line asked for: one of them.
struct Selected {
  Run run;
  RunHere run_here;
};

// The `type` of options whose value is the name of a file.
inline constexpr char kFileType[] = "FILE";

// A command whose options are being declared. Each option writes its value to a variable, which
// must live as long as the CLI::App; an option that is not given leaves its variable alone. `type`
// stands for the value in the help.
class Command {
 public:
  // When the command line names the command, `selected` is set to what the command does. Both
  // pointers must outlive this object.
  Command(CLI::App* app, Selected* selected);

  // Adds a command beneath this one. `description` is one line.
  Command Add(const std::string& name, const std::string& description) const;
  // Sets what the command does.
  void Does(Run run) const;
  void DoesHere(RunHere run) const;

  void Flag(const std::string& name, bool* value, const std::string& description) const;
  void Text(const std::string& name, const std::string& type, std::string* value,
            const std::string& description) const;
  // Takes the value from an environment variable when the option is not given.
  void TextOrVariable(const std::string& name, const std::string& type, const std::string& variable,
                      std::string* value, const std::string& description) const;
  // May be given several times.
  void Texts(const std::string& name, const std::string& type, std::vector<std::string>* values,
             const std::string& description) const;
  // Instances by id or by name; see instance_names.h. Instance must be given and OptionalInstance
  // may be left out, as with Id and OptionalId below. Instances takes a list with commas and may be
  // given several times.
  void Instance(const std::string& name, std::string* instance,
                const std::string& description) const;
  void OptionalInstance(const std::string& name, std::string* instance,
                        const std::string& description) const;
  void Instances(const std::string& name, std::vector<std::string>* instances,
                 const std::string& description) const;
  // Takes a list with commas and may be given several times.
  void Ids(const std::string& name, std::vector<int64_t>* ids,
           const std::string& description) const;
  void Number(const std::string& name, const std::string& type, int32_t* value,
              const std::string& description) const;
  void Number(const std::string& name, const std::string& type, int64_t* value,
              const std::string& description) const;
  // Takes a positive number.
  void Count(const std::string& name, int32_t* value, const std::string& description) const;
  // Takes a time, for example "90", "5m" or "1h30m".
  void Duration(const std::string& name, std::chrono::milliseconds* value,
                const std::string& description) const;
  void Seconds(const std::string& name, int32_t* value, const std::string& description) const;
  // Takes one of `choices`, in upper or lower case. `choose` is called with its index.
  void Choice(const std::string& name, const std::vector<std::string>& choices,
              const std::function<void(size_t)>& choose, const std::string& description) const;
  // Takes one of the enum's values, in upper or lower case, apart from the first, which stands for
  // none.
  template <typename Enum>
  void EnumChoice(const std::string& name, Enum* value, const std::string& description) const;
  // Says that an option of this command must be given.
  void Require(const std::string& name) const;

  // Takes a word that is not an option and must be given. `name` stands for it in the help.
  void Word(const std::string& name, std::string* value, const std::string& description) const;
  void Id(const std::string& name, int64_t* id, const std::string& description) const;
  // Takes an id as an option, or as a word that may be left out.
  void OptionalId(const std::string& name, int64_t* id, const std::string& description) const;

 private:
  using EnumDescriptor = google::protobuf::EnumDescriptor;
  void EnumChoice(const std::string& name, const EnumDescriptor& descriptor,
                  const std::function<void(int)>& choose, const std::string& description) const;

  CLI::App* app_;
  Selected* selected_;
};

template <typename Enum>
void Command::EnumChoice(const std::string& name, Enum* value,
                         const std::string& description) const {
  EnumChoice(
      name, *google::protobuf::GetEnumDescriptor<Enum>(),
      [value](int number) { *value = static_cast<Enum>(number); }, description);
}

}  // namespace longshore::cli

#endif  // LONGSHORE_CLI_COMMAND_H_
