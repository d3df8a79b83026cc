#include "cli/completion.h"

#include <CLI/CLI.hpp>

#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "cli/command.h"

namespace longshore::cli {
namespace {

// Of this command or, as global ones go anywhere, of one above.
const CLI::Option* FindOption(const CLI::App* app, const std::string& name) {
  for (; app != nullptr; app = app->get_parent()) {
    if (const CLI::Option* option = app->get_option_no_throw(name); option != nullptr) {
      return option;
    }
  }
  return nullptr;
}

bool TakesValue(const CLI::Option* option) {
  return option != nullptr && option->get_items_expected_max() > 0;
}

bool IsOption(const std::string& word) { return word.size() > 1 && word[0] == '-'; }

const CLI::App* FindCommand(const CLI::App& app, const std::string& name) {
  const auto found =
      app.get_subcommands([&](const CLI::App* command) { return command->get_name() == name; });
  return found.empty() ? nullptr : found.front();
}

// Where the words before the last one lead.
struct Place {
  const CLI::App* app;
  const CLI::Option* value_of = nullptr;  // The option that wants a value next.
  size_t words = 0;                       // That are neither commands nor options.
  bool only_words = false;                // After "--".
};

void Advance(const std::string& word, Place* place) {
  if (place->value_of != nullptr) {
    place->value_of = nullptr;
    return;
  }
  if (!place->only_words) {
    if (word == "--") {
      place->only_words = true;
      return;
    }
    if (IsOption(word)) {
      const CLI::Option* option = FindOption(place->app, word);
      if (TakesValue(option)) place->value_of = option;
      return;
    }
    if (const CLI::App* command = FindCommand(*place->app, word); command != nullptr) {
      place->app = command;
      return;
    }
  }
  ++place->words;
}

// Gathers what begins with what is typed already.
class Candidates {
 public:
  explicit Candidates(const std::string& begun) : begun_(begun) {}

  void Add(const std::string& word, const std::string& description) {
    if (absl::StartsWith(word, begun_)) lines_.push_back(word + "\t" + description);
  }

  void AddCommands(const CLI::App& app) {
    for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
      Add(command->get_name(), command->get_description());
    }
  }

  void AddOptions(const CLI::App* app) {
    for (; app != nullptr; app = app->get_parent()) {
      for (const CLI::Option* option : app->get_options()) {
        const std::string& description = option->get_description();
        for (const std::string& name : option->get_lnames()) Add("--" + name, description);
        for (const std::string& name : option->get_snames()) Add("-" + name, description);
      }
    }
  }

  // The values that `option` takes, when its type names them; each behind `before`.
  void AddValues(const CLI::Option& option, const std::string& before) {
    const std::string type = option.get_type_name();
    if (type == kFileType) lines_.emplace_back(kCompleteFiles);
    if (!absl::StrContains(type, '|')) return;
    const std::vector<std::string> values = absl::StrSplit(type, '|');
    for (const std::string& value : values) Add(before + value, option.get_description());
  }

  std::vector<std::string> Take() { return std::move(lines_); }

 private:
  const std::string begun_;
  std::vector<std::string> lines_;
};

// The `index`-th word of a command that is no option; null when it takes no more.
const CLI::Option* WordOf(const CLI::App& app, size_t index) {
  const auto words =
      app.get_options([](const CLI::Option* option) { return option->get_positional(); });
  return index < words.size() ? words[index] : nullptr;
}

}  // namespace

std::vector<std::string> Complete(const CLI::App& app, const std::vector<std::string>& words) {
  if (words.empty()) return {};
  Place place{.app = &app};
  for (size_t i = 0; i + 1 < words.size(); ++i) Advance(words[i], &place);
  const std::string& begun = words.back();
  Candidates candidates(begun);
  const size_t equals = begun.find('=');
  if (place.value_of != nullptr) {
    candidates.AddValues(*place.value_of, "");
  } else if (begun[0] == '-' && !place.only_words && equals != std::string::npos) {
    const CLI::Option* option = FindOption(place.app, begun.substr(0, equals));
    if (TakesValue(option)) candidates.AddValues(*option, begun.substr(0, equals + 1));
  } else if (begun[0] == '-' && !place.only_words) {
    candidates.AddOptions(place.app);
  } else if (const CLI::Option* word = WordOf(*place.app, place.words); word != nullptr) {
    candidates.AddValues(*word, "");
  } else if (place.words == 0) {
    candidates.AddCommands(*place.app);
  }
  return candidates.Take();
}

}  // namespace longshore::cli
