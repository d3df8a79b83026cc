// One command line being carried out.
#ifndef LONGSHORE_CLI_COMMAND_H_
#define LONGSHORE_CLI_COMMAND_H_

#include <grpcpp/grpcpp.h>

#include <cstdint>
#include <functional>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "cli/arguments.h"
#include "cli/output.h"
#include "common/enum_text.h"
#include "common/grpc_status.h"
#include "common/status_macros.h"
#include "longshore/v1/instance_service.grpc.pb.h"
#include "longshore/v1/payload_service.grpc.pb.h"

namespace longshore::cli {

// Each command returns the exit status; see commands.h.
class Command {
 public:
  explicit Command(Arguments arguments);

  // instance_commands.cc
  absl::StatusOr<int> AddInstance();
  absl::StatusOr<int> CreateInstances();
  absl::StatusOr<int> ListInstances();
  absl::StatusOr<int> ShowInstance();
  absl::StatusOr<int> UpdateInstance();
  absl::StatusOr<int> DeleteInstance();
  // payload_commands.cc
  absl::StatusOr<int> Deploy();
  absl::StatusOr<int> Execute();
  absl::StatusOr<int> Status();
  absl::StatusOr<int> Watch();
  absl::StatusOr<int> ListPayloads();
  absl::StatusOr<int> Cancel();
  absl::StatusOr<int> Tasks();
  // deployment_commands.cc
  absl::StatusOr<int> ListDeployments();
  absl::StatusOr<int> ShowDeployment();
  absl::StatusOr<int> WatchDeployment();
  absl::StatusOr<int> CancelDeployment();
  absl::StatusOr<int> RetryDeployment();
  // verify_command.cc
  absl::StatusOr<int> Verify();

 private:
  bool json() const { return arguments_.Has("json"); }
  absl::StatusOr<int64_t> OnlyId(const std::string& what) const;
  absl::Status ReadScript(v1::DeployPayloadRequest* request) const;
  absl::Status ReadTargets(v1::DeployPayloadRequest* request) const;
  // Prints what was accepted, or follows it as --wait or --follow ask; returns the exit status.
  absl::StatusOr<int> Accepted(const v1::DeployPayloadResponse& response, bool execute);
  // Follows payloads as --wait or --follow ask, prints the table, returns the exit status.
  // `deployment_id` is 0 when they are not known to be of one.
  absl::StatusOr<int> Await(int64_t deployment_id, const std::vector<int64_t>& ids,
                            bool until_transferred);
  // Waits until every instance is READY or never will be, prints the table, returns the exit
  // status.
  absl::StatusOr<int> AwaitInstances(const v1::CreateInstanceResponse& created);
  // The payloads that came with them, one each.
  absl::StatusOr<std::vector<int64_t>> PayloadsOf(const v1::CreateInstanceResponse& created);
  absl::StatusOr<int> TaskLog(int64_t task_id);
  absl::StatusOr<v1::Instance> GetInstance(int64_t instance_id) const;
  absl::StatusOr<v1::Deployment> GetDeployment(int64_t deployment_id) const;
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

}  // namespace longshore::cli

#endif  // LONGSHORE_CLI_COMMAND_H_
