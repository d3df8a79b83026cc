// Declares a command: its options and what it does. Commands meet CLI11, a heavy header, only
// through this.
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
// Carries a command out; returns the exit status.
using Run = std::function<absl::StatusOr<int>(Session*)>;

// The type of an option's value that is the name of a file.
inline constexpr char kFileType[] = "FILE";

// Each option writes the value that it is given to a variable, which must live as long as the
// CLI::App and which it leaves alone when it is not given. `type` stands for the value in the help.
class Command {
 public:
  // `selected` takes what the command does once the command line has named it. Both pointers must
  // outlive this object.
  Command(CLI::App* app, Run* selected);

  // A command beneath this one. `description` is one line.
  Command Add(const std::string& name, const std::string& description) const;
  void Does(Run run) const;

  void Flag(const std::string& name, bool* value, const std::string& description) const;
  void Text(const std::string& name, const std::string& type, std::string* value,
            const std::string& description) const;
  // Takes the value from the environment when it is not given.
  void TextOrVariable(const std::string& name, const std::string& type, const std::string& variable,
                      std::string* value, const std::string& description) const;
  // May be given several times.
  void Texts(const std::string& name, const std::string& type, std::vector<std::string>* values,
             const std::string& description) const;
  // Instances by id or by name, see instance_names.h. One, which must be given or may be left out,
  // as with Id and OptionalId below; several in a list with commas, which may be given several
  // times.
  void Instance(const std::string& name, std::string* instance,
                const std::string& description) const;
  void OptionalInstance(const std::string& name, std::string* instance,
                        const std::string& description) const;
  void Instances(const std::string& name, std::vector<std::string>* instances,
                 const std::string& description) const;
  // Takes a list with commas; may be given several times.
  void Ids(const std::string& name, std::vector<int64_t>* ids,
           const std::string& description) const;
  void Number(const std::string& name, const std::string& type, int32_t* value,
              const std::string& description) const;
  void Number(const std::string& name, const std::string& type, int64_t* value,
              const std::string& description) const;
  // How many: a positive number.
  void Count(const std::string& name, int32_t* value, const std::string& description) const;
  // A time: "90", "5m", "1h30m".
  void Duration(const std::string& name, std::chrono::milliseconds* value,
                const std::string& description) const;
  void Seconds(const std::string& name, int32_t* value, const std::string& description) const;
  // One of `choices`, in upper or lower case; `choose` takes its place among them.
  void Choice(const std::string& name, const std::vector<std::string>& choices,
              const std::function<void(size_t)>& choose, const std::string& description) const;
  // One of the enum's values, in upper or lower case, but the first, which stands for none.
  template <typename Enum>
  void EnumChoice(const std::string& name, Enum* value, const std::string& description) const;
  // Makes an option of this command one that must be given.
  void Require(const std::string& name) const;

  // A word that is no option, and must be given; `name` stands for it in the help.
  void Id(const std::string& name, int64_t* id, const std::string& description) const;
  // An option or a word that may be left out.
  void OptionalId(const std::string& name, int64_t* id, const std::string& description) const;

 private:
  using EnumDescriptor = google::protobuf::EnumDescriptor;
  void EnumChoice(const std::string& name, const EnumDescriptor& descriptor,
                  const std::function<void(int)>& choose, const std::string& description) const;

  CLI::App* app_;
  Run* selected_;
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
