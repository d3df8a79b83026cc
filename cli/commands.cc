#include "cli/commands.h"

#include <grpcpp/grpcpp.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <functional>
#include <iostream>
#include <iterator>
#include <map>
#include <optional>

#include "absl/strings/ascii.h"
#include "cli/arguments.h"
#include "cli/follow.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "common/enum_text.h"
#include "common/grpc_callbacks.h"
#include "common/grpc_status.h"
#include "common/payload_status.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "proto/longshore/v1/instance_service.grpc.pb.h"
#include "proto/longshore/v1/payload_service.grpc.pb.h"
#include "proto/longshore/v1/task_service.grpc.pb.h"

namespace longshore::cli {
namespace {

constexpr char kUsage[] =
    R"(longshore: delivers bash scripts to fleets of Linux instances and runs them there, once.

  longshore instances add --name NAME --address HOST [--port N] [--user LOGIN] [--project P] [--tag T]...
                          [--host-key "TYPE BASE64"] [--request-id ID] [--quiet]
  longshore instances list [--project P] [--tag T]...
  longshore deploy (--path PATH | --file FILE) --instances ID,ID... [--execute] [--remote-path PATH]
                   [--timeout SECONDS] [--wait | --follow] [--request-id ID] [--validate-only]
  longshore execute --payloads ID,ID... [--timeout SECONDS] [--wait | --follow] [--request-id ID]
  longshore status PAYLOAD
  longshore watch PAYLOAD [--offset BYTES]
  longshore list --instance ID [--status STATUS]
  longshore cancel PAYLOAD
  longshore tasks [TASK] [--status STATUS] [--type TYPE] [--instance ID]

  --path is read by the api_server on its own host; --file is read here and sent along.
  --wait shows progress until all have ended; --follow shows their output as well.
  Everywhere: --api HOST:PORT (default: $LONGSHORE_API, then 127.0.0.1:50051), --json.
Exit status: 0 when everything asked for completed, 1 when not, 2 for a wrong command line.
)";

const std::set<std::string> kCommonSwitches{"json", "help"};

// One command line being carried out.
class Command {
 public:
  explicit Command(Arguments arguments) : arguments_(std::move(arguments)) {
    std::string api = arguments_.Text("api");
    const char* environment = std::getenv("LONGSHORE_API");
    if (api.empty()) api = environment != nullptr ? environment : "127.0.0.1:50051";
    channel_ = grpc::CreateChannel(api, grpc::InsecureChannelCredentials());
    KeepCallbackQueue(channel_);
    payloads_ = v1::PayloadService::NewStub(channel_);
  }

  absl::StatusOr<int> AddInstance();
  absl::StatusOr<int> ListInstances();
  absl::StatusOr<int> Deploy();
  absl::StatusOr<int> Execute();
  absl::StatusOr<int> Status();
  absl::StatusOr<int> Watch();
  absl::StatusOr<int> ListPayloads();
  absl::StatusOr<int> Cancel();
  absl::StatusOr<int> Tasks();

 private:
  bool json() const { return arguments_.Has("json"); }
  absl::StatusOr<int64_t> OnlyId(const std::string& what) const;
  absl::Status ReadScript(v1::DeployPayloadRequest* request) const;
  // Follows payloads as --wait or --follow ask, prints the table, returns the exit status.
  absl::StatusOr<int> Await(const std::vector<int64_t>& ids, bool until_transferred);
  bool waits() const { return arguments_.Has("wait") || arguments_.Has("follow"); }

  template <typename Message>
  void Print(const Message& message, const std::string& text) const {
    std::cout << (json() ? ToJson(message) : text);
  }

  // Pages through a list; `call` fills in one page.
  template <typename Request, typename Response, typename Row>
  absl::Status ReadPages(
      Request request,
      const std::function<grpc::Status(grpc::ClientContext*, const Request&, Response*)>& call,
      const std::function<void(Response*, std::vector<Row>*)>& take, std::vector<Row>* rows) const {
    request.set_page_size(1000);
    do {
      grpc::ClientContext context;
      Response response;
      RETURN_IF_ERROR(FromGrpcStatus(call(&context, request, &response)));
      take(&response, rows);
      request.set_page_token(response.next_page_token());
    } while (!request.page_token().empty());
    return absl::OkStatus();
  }

  template <typename Row>
  void PrintRows(const std::vector<Row>& rows, const std::string& table) const {
    if (!json()) {
      std::cout << table;
      return;
    }
    for (const Row& row : rows) std::cout << ToJson(row);
  }

  const Arguments arguments_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<v1::PayloadService::Stub> payloads_;
};

absl::StatusOr<int64_t> Command::OnlyId(const std::string& what) const {
  if (arguments_.positional().size() != 1) {
    return UsageError("give one " + what + " id");
  }
  return ParseInt(what, arguments_.positional()[0]);
}

absl::StatusOr<int> Command::AddInstance() {
  v1::RegisterInstanceRequest request;
  ASSIGN_OR_RETURN(const int32_t port, arguments_.Int32("port"));
  request.set_name(arguments_.Text("name"));
  request.set_address(arguments_.Text("address"));
  request.set_port(port);
  request.set_ssh_user(arguments_.Text("user"));
  request.set_project(arguments_.Text("project"));
  request.set_host_key(arguments_.Text("host-key"));
  request.set_request_id(arguments_.Text("request-id"));
  for (const std::string& tag : arguments_.All("tag")) request.add_tags(tag);
  grpc::ClientContext context;
  v1::Instance instance;
  RETURN_IF_ERROR(FromGrpcStatus(
      v1::InstanceService::NewStub(channel_)->RegisterInstance(&context, request, &instance)));
  Print(instance,
        arguments_.Has("quiet") ? std::to_string(instance.id()) + "\n" : InstanceTable({instance}));
  return 0;
}

absl::StatusOr<int> Command::ListInstances() {
  v1::ListInstancesRequest request;
  request.set_project(arguments_.Text("project"));
  for (const std::string& tag : arguments_.All("tag")) request.add_tags(tag);
  const auto stub = v1::InstanceService::NewStub(channel_);
  std::vector<v1::Instance> rows;
  RETURN_IF_ERROR((ReadPages<v1::ListInstancesRequest, v1::ListInstancesResponse, v1::Instance>(
      request,
      [&](auto* context, const auto& page, auto* response) {
        return stub->ListInstances(context, page, response);
      },
      [](auto* response, auto* all) {
        for (auto& row : *response->mutable_instances()) all->push_back(std::move(row));
      },
      &rows)));
  PrintRows(rows, InstanceTable(rows));
  return 0;
}

absl::Status Command::ReadScript(v1::DeployPayloadRequest* request) const {
  if (arguments_.Has("path") == arguments_.Has("file")) {
    return UsageError("give --path or --file, one of them");
  }
  if (arguments_.Has("path")) {
    request->set_payload_path(arguments_.Text("path"));
    return absl::OkStatus();
  }
  const std::string file = arguments_.Text("file");
  std::ifstream stream(file, std::ios::binary);
  if (!stream) return UsageError("--file '" + file + "' cannot be opened");
  // More than the server takes is not worth reading; it names the limit.
  std::string content(4 << 20, '\0');
  stream.read(content.data(), static_cast<std::streamsize>(content.size()));
  content.resize(stream.gcount());
  if (content.empty()) return UsageError("--file '" + file + "' is empty");
  request->set_payload_content(content);
  return absl::OkStatus();
}

absl::StatusOr<int> Command::Deploy() {
  v1::DeployPayloadRequest request;
  RETURN_IF_ERROR(ReadScript(&request));
  ASSIGN_OR_RETURN(const auto ids, arguments_.Ids("instances"));
  if (ids.empty()) return UsageError("give --instances ID,ID...");
  request.mutable_instance_ids()->Add(ids.begin(), ids.end());
  ASSIGN_OR_RETURN(const int32_t timeout, arguments_.Int32("timeout"));
  request.set_timeout(timeout);
  request.set_remote_path(arguments_.Text("remote-path"));
  request.set_execute_payload(arguments_.Has("execute"));
  request.set_request_id(arguments_.Text("request-id"));
  request.set_validate_only(arguments_.Has("validate-only"));
  grpc::ClientContext context;
  v1::DeployPayloadResponse response;
  RETURN_IF_ERROR(FromGrpcStatus(payloads_->DeployPayload(&context, request, &response)));
  for (const std::string& error : response.errors()) std::cerr << "longshore: " << error << "\n";
  int status = response.success() ? 0 : 1;
  if (request.validate_only() || !waits()) {
    std::string text = request.validate_only()
                           ? "valid\n"
                           : "deployment " + std::to_string(response.deployment_id()) + "\n";
    for (int i = 0; i < response.payload_ids_size(); ++i) {
      text += "payload " + std::to_string(response.payload_ids(i)) + " task " +
              std::to_string(response.task_ids(i)) + "\n";
    }
    Print(response, text);
    return status;
  }
  ASSIGN_OR_RETURN(const int awaited,
                   Await({response.payload_ids().begin(), response.payload_ids().end()},
                         !request.execute_payload()));
  return status != 0 ? status : awaited;
}

absl::StatusOr<int> Command::Execute() {
  v1::ExecutePayloadRequest request;
  ASSIGN_OR_RETURN(const auto ids, arguments_.Ids("payloads"));
  if (ids.empty()) return UsageError("give --payloads ID,ID...");
  request.mutable_payload_ids()->Add(ids.begin(), ids.end());
  ASSIGN_OR_RETURN(const int32_t timeout, arguments_.Int32("timeout"));
  request.set_timeout(timeout);
  request.set_request_id(arguments_.Text("request-id"));
  grpc::ClientContext context;
  v1::ExecutePayloadResponse response;
  RETURN_IF_ERROR(FromGrpcStatus(payloads_->ExecutePayload(&context, request, &response)));
  if (waits()) return Await(ids, /*until_transferred=*/false);
  std::string text;
  for (int i = 0; i < response.task_ids_size(); ++i) {
    text += "payload " + std::to_string(ids[i]) + " task " + std::to_string(response.task_ids(i)) +
            "\n";
  }
  Print(response, text);
  return 0;
}

absl::StatusOr<int> Command::Await(const std::vector<int64_t>& ids, bool until_transferred) {
  Progress progress(ids.size(), arguments_.Has("follow") && !json());
  const FollowHandlers handlers{
      .on_status = [&](const v1::Payload& payload) { progress.OnStatus(payload); },
      .on_output = [&](int64_t id, int64_t offset,
                       std::string_view data) { progress.OnOutput(id, offset, data); }};
  auto followed =
      FollowPayloads(payloads_.get(), ids, {.until_transferred = until_transferred}, handlers);
  progress.Finish();
  RETURN_IF_ERROR(followed.status());
  PrintRows(*followed, PayloadTable(*followed));
  int status = 0;
  for (const v1::Payload& payload : *followed) {
    const bool good = payload.status() == v1::PAYLOAD_STATUS_COMPLETED ||
                      (until_transferred && payload.status() == v1::PAYLOAD_STATUS_TRANSFERRED);
    if (!good) status = 1;
  }
  return status;
}

absl::StatusOr<int> Command::Status() {
  v1::GetPayloadStatusRequest request;
  ASSIGN_OR_RETURN(const int64_t id, OnlyId("payload"));
  request.set_payload_id(id);
  grpc::ClientContext context;
  v1::Payload payload;
  RETURN_IF_ERROR(FromGrpcStatus(payloads_->GetPayloadStatus(&context, request, &payload)));
  Print(payload, PayloadDetails(payload));
  return 0;
}

absl::StatusOr<int> Command::Watch() {
  ASSIGN_OR_RETURN(const int64_t id, OnlyId("payload"));
  ASSIGN_OR_RETURN(const int64_t offset, arguments_.Int("offset", 0));
  const bool as_json = json();
  // Output goes out exactly as it was printed; what is said about it goes to standard error.
  const FollowHandlers handlers{.on_status =
                                    [&](const v1::Payload& payload) {
                                      if (as_json) {
                                        std::cout << ToJson(payload) << std::flush;
                                      } else {
                                        std::cerr << "longshore: payload " << payload.id() << " is "
                                                  << StatusText(payload) << "\n";
                                      }
                                    },
                                .on_output =
                                    [&](int64_t /*payload_id*/, int64_t at, std::string_view data) {
                                      if (as_json) {
                                        v1::PayloadOutput output;
                                        output.set_offset(at);
                                        output.set_data(std::string(data));
                                        std::cout << ToJson(output) << std::flush;
                                      } else {
                                        std::cout << data << std::flush;
                                      }
                                    }};
  ASSIGN_OR_RETURN(const auto followed,
                   FollowPayloads(payloads_.get(), {id}, {.output_offset = offset}, handlers));
  return followed[0].status() == v1::PAYLOAD_STATUS_COMPLETED ? 0 : 1;
}

// The enum's value for --status or --type, in either case; an error for a word that it does not
// have.
template <typename Enum>
absl::StatusOr<Enum> EnumOption(const Arguments& arguments, const std::string& name) {
  const std::string text = arguments.Text(name);
  const Enum value = EnumFromText<Enum>(absl::AsciiStrToUpper(text));
  if (!text.empty() && value == 0) {
    return UsageError("--" + name + " '" + text + "' is not known");
  }
  return value;
}

absl::StatusOr<int> Command::ListPayloads() {
  v1::ListInstancePayloadsRequest request;
  ASSIGN_OR_RETURN(const int64_t instance_id, arguments_.Int("instance", 0));
  if (instance_id == 0) return UsageError("give --instance ID");
  request.set_instance_id(instance_id);
  ASSIGN_OR_RETURN(const auto status, EnumOption<v1::PayloadStatus>(arguments_, "status"));
  request.set_status(status);
  std::vector<v1::Payload> rows;
  RETURN_IF_ERROR(
      (ReadPages<v1::ListInstancePayloadsRequest, v1::ListInstancePayloadsResponse, v1::Payload>(
          request,
          [&](auto* context, const auto& page, auto* response) {
            return payloads_->ListInstancePayloads(context, page, response);
          },
          [](auto* response, auto* all) {
            for (auto& row : *response->mutable_payloads()) all->push_back(std::move(row));
          },
          &rows)));
  PrintRows(rows, PayloadTable(rows));
  return 0;
}

absl::StatusOr<int> Command::Cancel() {
  v1::CancelPayloadRequest request;
  ASSIGN_OR_RETURN(const int64_t id, OnlyId("payload"));
  request.set_payload_id(id);
  grpc::ClientContext context;
  v1::Payload payload;
  RETURN_IF_ERROR(FromGrpcStatus(payloads_->CancelPayload(&context, request, &payload)));
  Print(payload, "payload " + std::to_string(id) + " is " + StatusText(payload) +
                     (IsTerminal(payload.status()) ? "\n" : "; it is being stopped\n"));
  return 0;
}

absl::StatusOr<int> Command::Tasks() {
  const auto stub = v1::TaskService::NewStub(channel_);
  if (!arguments_.positional().empty()) {
    v1::GetTaskRequest request;
    ASSIGN_OR_RETURN(const int64_t id, OnlyId("task"));
    request.set_task_id(id);
    grpc::ClientContext context;
    v1::Task task;
    RETURN_IF_ERROR(FromGrpcStatus(stub->GetTask(&context, request, &task)));
    Print(task, TaskTable({task}));
    return 0;
  }
  v1::ListTasksRequest request;
  ASSIGN_OR_RETURN(const auto status, EnumOption<v1::TaskStatus>(arguments_, "status"));
  ASSIGN_OR_RETURN(const auto type, EnumOption<v1::TaskType>(arguments_, "type"));
  ASSIGN_OR_RETURN(const int64_t instance_id, arguments_.Int("instance", 0));
  request.set_status(status);
  request.set_type(type);
  request.set_instance_id(instance_id);
  std::vector<v1::Task> rows;
  RETURN_IF_ERROR((ReadPages<v1::ListTasksRequest, v1::ListTasksResponse, v1::Task>(
      request,
      [&](auto* context, const auto& page, auto* response) {
        return stub->ListTasks(context, page, response);
      },
      [](auto* response, auto* all) {
        for (auto& row : *response->mutable_tasks()) all->push_back(std::move(row));
      },
      &rows)));
  PrintRows(rows, TaskTable(rows));
  return 0;
}

struct CommandEntry {
  absl::StatusOr<int> (Command::*run)();
  std::set<std::string> with_value;
  std::set<std::string> switches;
};

const std::map<std::string, CommandEntry>& CommandTable() {
  static const auto* table = new std::map<std::string, CommandEntry>{
      {"instances add",
       {&Command::AddInstance,
        {"name", "address", "port", "user", "project", "tag", "host-key", "request-id"},
        {"quiet"}}},
      {"instances list", {&Command::ListInstances, {"project", "tag"}, {}}},
      {"deploy",
       {&Command::Deploy,
        {"path", "file", "instances", "remote-path", "timeout", "request-id"},
        {"execute", "wait", "follow", "validate-only"}}},
      {"execute", {&Command::Execute, {"payloads", "timeout", "request-id"}, {"wait", "follow"}}},
      {"status", {&Command::Status, {}, {}}},
      {"watch", {&Command::Watch, {"offset"}, {}}},
      {"list", {&Command::ListPayloads, {"instance", "status"}, {}}},
      {"cancel", {&Command::Cancel, {}, {}}},
      {"tasks", {&Command::Tasks, {"status", "type", "instance"}, {}}},
  };
  return *table;
}

int WrongCommandLine(const std::string& problem) {
  std::cerr << "longshore: " << problem << "\nTry 'longshore --help'.\n";
  return 2;
}

}  // namespace

int RunCommand(const std::vector<std::string>& words) {
  if (words.empty() || words[0] == "--help" || words[0] == "help") {
    (words.empty() ? std::cerr : std::cout) << kUsage;
    return words.empty() ? 2 : 0;
  }
  const bool two_words = words[0] == "instances" && words.size() > 1;
  const std::string name = two_words ? words[0] + " " + words[1] : words[0];
  const auto entry = CommandTable().find(name);
  if (entry == CommandTable().end()) return WrongCommandLine("unknown command '" + name + "'");
  OptionSpec spec{.with_value = entry->second.with_value, .switches = entry->second.switches};
  spec.with_value.insert("api");
  spec.switches.insert(kCommonSwitches.begin(), kCommonSwitches.end());
  auto arguments = Arguments::Parse({words.begin() + (two_words ? 2 : 1), words.end()}, spec);
  if (!arguments.ok()) return WrongCommandLine(ToString(arguments.status()));
  if (arguments->Has("help")) {
    std::cout << kUsage;
    return 0;
  }
  Command command(*std::move(arguments));
  const absl::StatusOr<int> result = (command.*entry->second.run)();
  if (result.ok()) return *result;
  if (IsUsageError(result.status())) return WrongCommandLine(ToString(result.status()));
  std::cerr << "longshore: " << result.status().message() << "\n";
  return 1;
}

}  // namespace longshore::cli
