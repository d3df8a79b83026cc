#include "cli/command.h"

#include <CLI/CLI.hpp>
#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_join.h"
#include "cli/values.h"
#include "common/enum_text.h"
#include "common/status.h"
#include "common/utf8.h"

namespace longshore::cli {
namespace {

constexpr char kDurationType[] = "DURATION";

// Errors leave a callback of CLI11 as its exceptions.
template <typename Value>
Value ValueOrThrow(absl::StatusOr<Value> value) {
  if (!value.ok()) throw CLI::ValidationError(ToString(value.status()));
  return *std::move(value);
}

bool IsOption(const std::string& name) { return name[0] == '-'; }

// Of "-o,--output" the long name.
std::string LongName(const std::string& name) { return name.substr(name.find(',') + 1); }

// What is sent must be text. The name of a file here need not be.
void CheckText(const std::string& name, const std::string& type, const std::string& text) {
  if (type == kFileType || ToValidUtf8(text) == text) return;
  throw CLI::ValidationError(name + " '" + text + "' is not valid UTF-8");
}

CLI::Option* AddValue(CLI::App* app, const std::string& name, const std::string& type,
                      const std::function<void(const std::string&)>& take,
                      const std::string& description) {
  const auto take_text = [=](const std::string& text) {
    CheckText(LongName(name), type, text);
    take(text);
  };
  return app->add_option_function<std::string>(name, take_text, description)->type_name(type);
}

CLI::Option* AddValues(CLI::App* app, const std::string& name, const std::string& type,
                       const std::function<void(const std::string&)>& take,
                       const std::string& description) {
  const auto take_all = [=](const std::vector<std::string>& texts) {
    for (const std::string& text : texts) {
      CheckText(name, type, text);
      take(text);
    }
  };
  return app->add_option_function<std::vector<std::string>>(name, take_all, description)
      ->type_name(type)
      ->take_all()
      // Each of them is given by a --name of its own; further words are no part of it.
      ->allow_extra_args(false);
}

}  // namespace

Command::Command(CLI::App* app, Selected* selected) : app_(app), selected_(selected) {}

Command Command::Add(const std::string& name, const std::string& description) const {
  CLI::App* app = app_->add_subcommand(name, description);
  app->fallthrough();
  app->footer("For the options of every command see 'longshore --help'.");
  app_->require_subcommand(1);
  return Command(app, selected_);
}

void Command::Does(Run run) const {
  app_->callback([selected = selected_, run = std::move(run)] { selected->run = run; });
}

void Command::DoesHere(RunHere run) const {
  app_->callback([selected = selected_, run = std::move(run)] { selected->run_here = run; });
}

void Command::Flag(const std::string& name, bool* value, const std::string& description) const {
  app_->add_flag(name, *value, description);
}

void Command::Text(const std::string& name, const std::string& type, std::string* value,
                   const std::string& description) const {
  AddValue(
      app_, name, type, [value](const std::string& text) { *value = text; }, description);
}

void Command::TextOrVariable(const std::string& name, const std::string& type,
                             const std::string& variable, std::string* value,
                             const std::string& description) const {
  Text(name, type, value, description);
  app_->get_option(name)->envname(variable);
}

void Command::Texts(const std::string& name, const std::string& type,
                    std::vector<std::string>* values, const std::string& description) const {
  AddValues(
      app_, name, type, [values](const std::string& text) { values->push_back(text); },
      description);
}

void Command::Instance(const std::string& name, std::string* instance,
                       const std::string& description) const {
  OptionalInstance(name, instance, description);
  Require(name);
}

void Command::OptionalInstance(const std::string& name, std::string* instance,
                               const std::string& description) const {
  AddValue(
      app_, name, IsOption(name) ? "INSTANCE" : "",
      [name, instance](const std::string& text) {
        *instance = ValueOrThrow(ParseInstance(name, text));
      },
      description);
}

void Command::Instances(const std::string& name, std::vector<std::string>* instances,
                        const std::string& description) const {
  AddValues(
      app_, name, "INSTANCE,INSTANCE",
      [name, instances](const std::string& text) {
        for (const std::string& part : SplitList(text)) {
          instances->push_back(ValueOrThrow(ParseInstance(name, part)));
        }
      },
      description);
}

void Command::Ids(const std::string& name, std::vector<int64_t>* ids,
                  const std::string& description) const {
  AddValues(
      app_, name, "ID,ID",
      [name, ids](const std::string& text) {
        for (const std::string& part : SplitList(text)) {
          ids->push_back(ValueOrThrow(ParseId(name, part)));
        }
      },
      description);
}

void Command::Number(const std::string& name, const std::string& type, int32_t* value,
                     const std::string& description) const {
  AddValue(
      app_, name, type,
      [name, value](const std::string& text) { *value = ValueOrThrow(ParseInt32(name, text)); },
      description);
}

void Command::Number(const std::string& name, const std::string& type, int64_t* value,
                     const std::string& description) const {
  AddValue(
      app_, name, type,
      [name, value](const std::string& text) { *value = ValueOrThrow(ParseInt64(name, text)); },
      description);
}

void Command::Count(const std::string& name, int32_t* value, const std::string& description) const {
  AddValue(
      app_, name, "N",
      [name, value](const std::string& text) { *value = ValueOrThrow(ParseCount(name, text)); },
      description);
}

void Command::Duration(const std::string& name, std::chrono::milliseconds* value,
                       const std::string& description) const {
  AddValue(
      app_, name, kDurationType,
      [name, value](const std::string& text) { *value = ValueOrThrow(ParseDuration(name, text)); },
      description);
}

void Command::Seconds(const std::string& name, int32_t* value,
                      const std::string& description) const {
  AddValue(
      app_, name, kDurationType,
      [name, value](const std::string& text) { *value = ValueOrThrow(ParseSeconds(name, text)); },
      description);
}

void Command::Choice(const std::string& name, const std::vector<std::string>& choices,
                     const std::function<void(size_t)>& choose,
                     const std::string& description) const {
  const std::string type = absl::StrJoin(choices, "|");
  const auto take = [=](const std::string& text) {
    const auto found = std::find(choices.begin(), choices.end(), absl::AsciiStrToLower(text));
    if (found == choices.end()) {
      throw CLI::ValidationError(LongName(name) + " '" + text + "' is none of " + type);
    }
    choose(found - choices.begin());
  };
  AddValue(app_, name, type, take, description);
}

void Command::EnumChoice(const std::string& name, const EnumDescriptor& descriptor,
                         const std::function<void(int)>& choose,
                         const std::string& description) const {
  std::vector<std::string> choices;
  choices.reserve(descriptor.value_count());
  for (int i = 1; i < descriptor.value_count(); ++i) {
    choices.push_back(absl::AsciiStrToLower(
        descriptor.value(i)->name().substr(EnumPrefix(descriptor.name()).size())));
  }
  const auto choose_number = [choose, &descriptor](size_t i) {
    choose(descriptor.value(static_cast<int>(i) + 1)->number());
  };
  Choice(name, choices, choose_number, description);
}

void Command::Require(const std::string& name) const { app_->get_option(name)->required(); }

void Command::Word(const std::string& name, std::string* value,
                   const std::string& description) const {
  Text(name, "", value, description);
  Require(name);
}

void Command::Id(const std::string& name, int64_t* id, const std::string& description) const {
  OptionalId(name, id, description);
  Require(name);
}

void Command::OptionalId(const std::string& name, int64_t* id,
                         const std::string& description) const {
  AddValue(
      app_, name, IsOption(name) ? "ID" : "",
      [name, id](const std::string& text) { *id = ValueOrThrow(ParseId(name, text)); },
      description);
}

}  // namespace longshore::cli
