#include "cli/contexts.h"

#include <yaml-cpp/yaml.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "cli/errors.h"
#include "common/private_file.h"
#include "common/status_macros.h"

namespace longshore::cli {
namespace {

struct TextField {
  const char* name;
  std::string AccessOptions::*value;
};

constexpr TextField kTextFields[] = {{"api", &AccessOptions::api},
                                     {"ca", &AccessOptions::ca},
                                     {"cert", &AccessOptions::cert},
                                     {"key", &AccessOptions::key},
                                     {"token_file", &AccessOptions::token_file}};

// Throws YAML::Exception.
AccessOptions ReadContext(const YAML::Node& node) {
  AccessOptions context;
  if (!node.IsMap()) throw YAML::RepresentationException(node.Mark(), "a context is a map");
  for (const auto& field : node) {
    const auto name = field.first.as<std::string>();
    bool known = name == "insecure";
    if (known) context.insecure = field.second.as<bool>();
    for (const TextField& text : kTextFields) {
      if (name != text.name) continue;
      context.*text.value = field.second.as<std::string>();
      known = true;
    }
    if (!known) throw YAML::RepresentationException(field.first.Mark(), "unknown '" + name + "'");
  }
  return context;
}

// Throws YAML::Exception.
Contexts ReadAll(const std::string& text) {
  Contexts contexts;
  const YAML::Node file = YAML::Load(text);
  if (const YAML::Node current = file["current"]; current) {
    contexts.current = current.as<std::string>();
  }
  for (const auto& named : file["contexts"]) {
    contexts.by_name[named.first.as<std::string>()] = ReadContext(named.second);
  }
  return contexts;
}

}  // namespace

std::string ContextsPath() {
  const char* const config = std::getenv("XDG_CONFIG_HOME");
  if (config != nullptr && *config == '/') return std::string(config) + "/longshore/config.yaml";
  const char* const home = std::getenv("HOME");
  if (home == nullptr || *home == '\0') return "";
  return std::string(home) + "/.config/longshore/config.yaml";
}

absl::StatusOr<Contexts> ReadContexts(const std::string& path) {
  std::error_code error;
  if (path.empty() || !std::filesystem::exists(path, error)) return Contexts();
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  if (!file) return UsageError("'" + path + "' cannot be read");
  WarnIfOpenToOthers(path);
  try {
    return ReadAll(text.str());
  } catch (const YAML::Exception& wrong) {
    return UsageError("'" + path + "' is not as it should be: " + wrong.what());
  }
}

absl::Status WriteContexts(const std::string& path, const Contexts& contexts) {
  YAML::Node file;
  if (!contexts.current.empty()) file["current"] = contexts.current;
  for (const auto& [name, context] : contexts.by_name) {
    YAML::Node node(YAML::NodeType::Map);
    for (const TextField& text : kTextFields) {
      if (!(context.*text.value).empty()) node[text.name] = context.*text.value;
    }
    if (context.insecure) node["insecure"] = true;
    file["contexts"][name] = node;
  }
  if (path.empty()) return absl::FailedPreconditionError("$HOME is not set");
  std::error_code error;
  std::filesystem::create_directories(std::filesystem::path(path).parent_path(), error);
  return WritePrivately(path, YAML::Dump(file) + "\n");
}

AccessOptions Merged(const AccessOptions& options, AccessOptions context) {
  // A certificate and its key belong together, and so do an authority and TLS.
  if (!options.cert.empty() || !options.key.empty()) context.cert = context.key = "";
  if (!options.ca.empty()) context.insecure = false;
  if (options.insecure && !context.insecure) {
    context.ca = context.cert = context.key = context.token_file = "";
  }
  for (const TextField& text : kTextFields) {
    if (!(options.*text.value).empty()) context.*text.value = options.*text.value;
  }
  context.insecure = context.insecure || options.insecure;
  return context;
}

absl::StatusOr<AccessOptions> WithContext(const AccessOptions& options,
                                          const AccessOptions& variables) {
  const std::string path = ContextsPath();
  Contexts contexts;
  std::string name = options.context;
  if (name.empty() && options.api.empty()) name = variables.context;
  if (!name.empty() || (options.api.empty() && variables.api.empty())) {
    ASSIGN_OR_RETURN(contexts, ReadContexts(path));
    if (name.empty()) name = contexts.current;
  }
  if (name.empty()) return Merged(options, variables);
  const auto found = contexts.by_name.find(name);
  if (found != contexts.by_name.end()) return Merged(options, found->second);
  return UsageError("there is no context '" + name + "' in '" + path + "'");
}

}  // namespace longshore::cli
