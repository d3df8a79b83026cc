#include <filesystem>
#include <nlohmann/json.hpp>

#include "cli/commands/commands.h"
#include "cli/contexts.h"
#include "cli/errors.h"
#include "cli/session.h"
#include "cli/table.h"
#include "common/status_macros.h"

namespace longshore::cli {
namespace {

using Named = std::pair<std::string, AccessOptions>;

absl::StatusOr<int> ListContexts(const Here& here) {
  ASSIGN_OR_RETURN(const Contexts contexts, ReadContexts(ContextsPath()));
  const std::vector<Named> rows(contexts.by_name.begin(), contexts.by_name.end());
  const auto in_use = [&](const Named& row) { return row.first == contexts.current; };
  const std::vector<Column<Named>> columns = {
      {"IN USE", [&](const Named& row) -> std::string { return in_use(row) ? "*" : ""; }},
      {"NAME", [](const Named& row) { return row.first; }},
      {"API", [](const Named& row) { return row.second.api; }},
      {"CA",
       [](const Named& row) -> std::string {
         if (row.second.insecure) return "no TLS";
         return row.second.ca.empty() ? "the system's" : row.second.ca;
       }},
      {"TOKEN FILE", [](const Named& row) { return row.second.token_file; }},
      {"CERT", [](const Named& row) { return row.second.cert; }, /*wide=*/true},
  };
  std::vector<std::string> json;
  json.reserve(rows.size());
  for (const Named& row : rows) {
    const AccessOptions& access = row.second;
    json.push_back(nlohmann::ordered_json{{"name", row.first},
                                          {"in_use", in_use(row)},
                                          {"api", access.api},
                                          {"ca", access.ca},
                                          {"cert", access.cert},
                                          {"key", access.key},
                                          {"token_file", access.token_file},
                                          {"insecure", access.insecure}}
                       .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
  }
  here.printer.PrintRows(json, MakeTable(columns, rows, here.printer.wide()));
  return kExitDone;
}

absl::StatusOr<AccessOptions> Changed(const AccessOptions& options, const AccessOptions& before) {
  AccessOptions context = Merged(options, before);
  if (context.api.empty()) context.api = kDefaultApi;
  for (std::string* path : {&context.ca, &context.cert, &context.key, &context.token_file}) {
    // The next command may be called from elsewhere.
    if (!path->empty()) *path = std::filesystem::absolute(*path).lexically_normal();
  }
  RETURN_IF_ERROR(ResolveAccess(context, /*token_variable=*/nullptr).status());
  return context;
}

absl::StatusOr<int> SetContext(const std::string& name, const Here& here) {
  if (name.empty()) return UsageError("a context needs a name");
  const std::string path = ContextsPath();
  ASSIGN_OR_RETURN(Contexts contexts, ReadContexts(path));
  AccessOptions& context = contexts.by_name[name];
  ASSIGN_OR_RETURN(context, Changed(here.access, context));
  if (contexts.current.empty()) contexts.current = name;
  RETURN_IF_ERROR(WriteContexts(path, contexts));
  return kExitDone;
}

absl::StatusOr<int> UseContext(const std::string& name) {
  const std::string path = ContextsPath();
  ASSIGN_OR_RETURN(Contexts contexts, ReadContexts(path));
  if (contexts.by_name.count(name) == 0) {
    return UsageError("there is no context '" + name + "' in '" + path + "'");
  }
  contexts.current = name;
  RETURN_IF_ERROR(WriteContexts(path, contexts));
  return kExitDone;
}

absl::StatusOr<int> DeleteContext(const std::string& name) {
  const std::string path = ContextsPath();
  ASSIGN_OR_RETURN(Contexts contexts, ReadContexts(path));
  if (contexts.by_name.erase(name) == 0) {
    return UsageError("there is no context '" + name + "' in '" + path + "'");
  }
  if (contexts.current == name) contexts.current = "";
  RETURN_IF_ERROR(WriteContexts(path, contexts));
  return kExitDone;
}

}  // namespace

void AddContextList(const Command& parent) {
  parent.Add("list", "Lists the contexts").DoesHere(ListContexts);
}

void AddContextSet(const Command& parent) {
  const auto name = std::make_shared<std::string>();
  const Command command =
      parent.Add("set", "Makes or changes a context by --api, --ca, --token-file, ...");
  command.Word("NAME", name.get(), "its name; the first one is in use at once");
  command.DoesHere([name](const Here& here) { return SetContext(*name, here); });
}

void AddContextUse(const Command& parent) {
  const auto name = std::make_shared<std::string>();
  const Command command = parent.Add("use", "Uses a context from now on");
  command.Word("NAME", name.get(), "which");
  command.DoesHere([name](const Here&) { return UseContext(*name); });
}

void AddContextDelete(const Command& parent) {
  const auto name = std::make_shared<std::string>();
  const Command command = parent.Add("delete", "Forgets a context; its files stay");
  command.Word("NAME", name.get(), "which");
  command.DoesHere([name](const Here&) { return DeleteContext(*name); });
}

}  // namespace longshore::cli
