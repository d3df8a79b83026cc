#include "api_server/http/json_rpc.h"

#include <cmath>
#include <utility>

#include "absl/strings/ascii.h"
#include "api_server/http/error_json.h"
#include "api_server/http/json_mapper.h"
#include "api_server/http/json_reader.h"
#include "common/utf8.h"

namespace longshore::api_http {
namespace {

using google::protobuf::Message;
using google::protobuf::MethodDescriptor;

constexpr size_t kMaxShownName = 100;

// GetPayloadStatus is get_payload_status.
std::string SnakeCase(const std::string& name) {
  std::string snake;
  for (const char c : name) {
    if (absl::ascii_isupper(static_cast<unsigned char>(c)) && !snake.empty()) snake.push_back('_');
    snake.push_back(absl::ascii_tolower(static_cast<unsigned char>(c)));
  }
  return snake;
}

Json ErrorObject(int code, const std::string& message) {
  return {{"code", code}, {"message", message}};
}

Json ResponseObject(const Json& id, const char* member, Json value) {
  return {{"jsonrpc", "2.0"}, {member, std::move(value)}, {"id", id}};
}

// Whether a number is kept as it was sent.
bool IsExact(const Json& id) {
  return !id.is_number_float() || std::abs(id.get<double>()) <= kExactDoubles;
}

// What is wrong with a request object; empty when nothing is.
std::string ProblemOf(const Json& request) {
  if (!request.is_object()) return "a request must be an object";
  const auto version = request.find("jsonrpc");
  if (version == request.end() || *version != "2.0") return R"("jsonrpc" must be "2.0")";
  const auto method = request.find("method");
  if (method == request.end() || !method->is_string()) return R"("method" must be a string)";
  const auto id = request.find("id");
  if (id != request.end() && !id->is_string() && !id->is_number() && !id->is_null()) {
    return R"("id" must be a string, a number or null)";
  }
  if (id != request.end() && !IsExact(*id)) return R"("id" has more digits than can be kept)";
  const auto params = request.find("params");
  if (params != request.end() && !params->is_structured()) {
    return R"("params" must be an object)";
  }
  return "";
}

// The id to answer with: null when none can be made out.
Json IdOf(const Json& request) {
  if (!request.is_object()) return nullptr;
  const auto id = request.find("id");
  const bool is_id = id != request.end() && id->is_primitive() && !id->is_boolean();
  return is_id && IsExact(*id) ? *id : Json();
}

}  // namespace

// The requests of one POST, on their way.
class JsonRpc::Run : public std::enable_shared_from_this<Run> {
 public:
  Run(const JsonRpc* rpc, std::shared_ptr<http::Exchange> exchange, RpcCaller caller, Json requests,
      bool is_batch)
      : rpc_(*rpc),
        exchange_(std::move(exchange)),
        caller_(std::move(caller)),
        requests_(std::move(requests)),
        is_batch_(is_batch) {}

  // Goes on with the next request, until one has to be waited for.
  void Continue() {
    while (next_ < requests_.size()) {
      if (Begin(requests_[next_++])) return;
    }
    Finish();
  }

 private:
  // Returns true when the answer comes later.
  bool Begin(const Json& request) {
    const std::string problem = ProblemOf(request);
    id_ = IdOf(request);
    // Nobody can tell whether what is no request wants an answer: it gets one.
    wants_answer_ = !problem.empty() || request.contains("id");
    if (!problem.empty()) return Fail(ErrorObject(kInvalidRequest, problem));
    const auto name = request["method"].get<std::string>();
    const auto method = rpc_.methods_.find(name);
    if (method == rpc_.methods_.end()) {
      return Fail(ErrorObject(kMethodNotFound,
                              "there is no method '" + ToPrintableLine(name, kMaxShownName) + "'"));
    }
    if (answers_.size() > kMaxBatchResultBytes) {
      return Fail(JsonRpcError(absl::ResourceExhaustedError(
          "the results of this batch are too large; the call was not made")));
    }
    std::unique_ptr<Message> message = NewMessage(*method->second->input_type());
    if (const absl::Status read = ReadParams(request, message.get()); !read.ok()) {
      return Fail(JsonRpcError(read));
    }
    rpc_.rpc_.Call(
        *method->second, caller_, std::move(message),
        [self = shared_from_this()](const absl::Status& status, std::unique_ptr<Message> response) {
          self->Answered(status, response.get());
        });
    return true;
  }

  static absl::Status ReadParams(const Json& request, Message* message) {
    const auto params = request.find("params");
    if (params == request.end() || params->empty()) return absl::OkStatus();
    if (params->is_array()) {
      return absl::InvalidArgumentError(R"("params" must be an object: parameters go by name)");
    }
    return FromJson(*params, message);
  }

  void Answered(const absl::Status& status, const Message* response) {
    if (status.ok()) {
      Keep("result", ToJson(*response));
    } else {
      if (absl::IsUnauthenticated(status)) refused_ = status;
      Keep("error", JsonRpcError(status));
    }
    Continue();
  }

  bool Fail(Json error) {
    Keep("error", std::move(error));
    return false;
  }

  void Keep(const char* member, Json value) {
    if (!wants_answer_) return;
    if (!answers_.empty()) answers_ += ",";
    answers_ += Text(ResponseObject(id_, member, std::move(value)));
  }

  void Finish() {
    http::Response response{.status = refused_.ok() ? 200 : HttpStatus(refused_.code())};
    if (!answers_.empty()) {
      response.headers = {{"content-type", "application/json"}};
      response.body = is_batch_ ? "[" + answers_ + "]\n" : answers_ + "\n";
    } else if (refused_.ok()) {
      response.status = 204;
    }
    AddErrorHeaders(refused_, &response);
    exchange_->Respond(std::move(response));
  }

  const JsonRpc& rpc_;
  const std::shared_ptr<http::Exchange> exchange_;
  const RpcCaller caller_;
  const Json requests_;
  const bool is_batch_;
  size_t next_ = 0;
  std::string answers_;   // As text, which takes a tenth of the room.
  absl::Status refused_;  // Why the caller is not known.
  // Of the request under way.
  Json id_;
  bool wants_answer_ = true;
};

JsonRpc::JsonRpc(RpcClient* rpc) : rpc_(*rpc) {
  for (const MethodDescriptor* method : PublicMethods()) {
    if (!method->server_streaming()) methods_[SnakeCase(method->name())] = method;
  }
}

void JsonRpc::Handle(std::shared_ptr<http::Exchange> exchange, const RpcCaller& caller) {
  const auto refuse = [&](int code, const std::string& message) {
    exchange->Respond(
        JsonResponse(200, ResponseObject(nullptr, "error", ErrorObject(code, message))));
  };
  absl::StatusOr<Json> read = ReadJson(exchange->request().body);
  if (!read.ok()) return refuse(kParseError, std::string(read.status().message()));
  const bool is_batch = read->is_array();
  if (is_batch && read->empty()) return refuse(kInvalidRequest, "a batch must not be empty");
  if (is_batch && read->size() > kMaxBatch) {
    return refuse(kInvalidRequest,
                  "a batch may have " + std::to_string(kMaxBatch) + " requests at most");
  }
  Json requests = is_batch ? *std::move(read) : Json::array({*std::move(read)});
  std::make_shared<Run>(this, std::move(exchange), caller, std::move(requests), is_batch)
      ->Continue();
}

}  // namespace longshore::api_http
