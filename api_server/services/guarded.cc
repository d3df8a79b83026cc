#include "api_server/services/guarded.h"

#include <cstdint>
#include <vector>

#include "absl/strings/match.h"
#include "api_server/services/front_peer.h"
#include "api_server/services/trace_metadata.h"
#include "common/utf8.h"

namespace longshore::services {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

constexpr char kHeader[] = "authorization";
// A request may name thousands.
constexpr size_t kMaxIds = 100;
constexpr size_t kMaxTextBytes = 255;

void AddIds(const Message& request, const FieldDescriptor& field, std::vector<int64_t>* ids) {
  const google::protobuf::Reflection& reflection = *request.GetReflection();
  if (!field.is_repeated()) {
    const int64_t id = reflection.GetInt64(request, &field);
    if (id != 0) ids->push_back(id);
    return;
  }
  for (int i = 0; i < reflection.FieldSize(request, &field) && ids->size() < kMaxIds; ++i) {
    ids->push_back(reflection.GetRepeatedInt64(request, &field, i));
  }
}

// Text of a request that may be refused for it: the database takes no NUL byte.
std::string TextOf(const Message& request, const FieldDescriptor& field) {
  const std::string text = request.GetReflection()->GetString(request, &field);
  return ToPrintableLine(text, kMaxTextBytes);
}

// Fills in what the request says of itself, by the names that fields have throughout the API.
void Describe(const Message& request, access::Call* call) {
  const google::protobuf::Descriptor& type = *request.GetDescriptor();
  for (int i = 0; i < type.field_count(); ++i) {
    const FieldDescriptor& field = *type.field(i);
    if (field.cpp_type() == FieldDescriptor::CPPTYPE_INT64 &&
        (absl::EndsWith(field.name(), "_id") || absl::EndsWith(field.name(), "_ids"))) {
      AddIds(request, field, &call->ids);
    } else if (field.name() == "request_id") {
      call->request_id = TextOf(request, field);
    } else if (field.name() == "project") {
      call->project = TextOf(request, field);
    }
  }
}

// Calls of this process to itself are made for somebody else.
std::string PeerOf(const grpc::ServerContextBase& context) {
  const auto front = context.client_metadata().find(kFrontPeerHeader);
  if (front == context.client_metadata().end()) return context.peer();
  return ReadFrontPeer({front->second.data(), front->second.size()}).value_or(context.peer());
}

}  // namespace

access::Call CallOf(const grpc::ServerContextBase& context, std::string method,
                    const Message& request) {
  access::Call call{.method = std::move(method), .peer = PeerOf(context)};
  const auto [begin, end] = context.client_metadata().equal_range(kHeader);
  for (auto at = begin; at != end; ++at) {
    call.authorization.emplace_back(at->second.data(), at->second.size());
  }
  call.traceparent = TraceparentOf(context.client_metadata());
  Describe(request, &call);
  return call;
}

Admission AdmissionOf(access::Guard* guard, const grpc::ServerContextBase& context,
                      std::string method, const Message& request) {
  return [guard, call = CallOf(context, std::move(method), request)] { return guard->Admit(call); };
}

}  // namespace longshore::services
