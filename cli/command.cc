#include "cli/command.h"

#include <cstdlib>

#include "common/grpc_callbacks.h"

namespace longshore::cli {

Command::Command(Arguments arguments) : arguments_(std::move(arguments)) {
  std::string api = arguments_.Text("api");
  const char* environment = std::getenv("LONGSHORE_API");
  if (api.empty()) api = environment != nullptr ? environment : "127.0.0.1:50051";
  channel_ = grpc::CreateChannel(api, grpc::InsecureChannelCredentials());
  KeepCallbackQueue(channel_);
  payloads_ = v1::PayloadService::NewStub(channel_);
}

absl::StatusOr<int64_t> Command::OnlyId(const std::string& what) const {
  if (arguments_.positional().size() != 1) {
    return UsageError("give one " + what + " id");
  }
  return ParseInt(what, arguments_.positional()[0]);
}

}  // namespace longshore::cli
