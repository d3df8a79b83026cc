#include "api_server/services/guarded.h"

namespace longshore::services {
namespace {

constexpr char kHeader[] = "authorization";

}  // namespace

std::vector<std::string> AuthorizationOf(const grpc::ServerContextBase& context) {
  std::vector<std::string> values;
  const auto [begin, end] = context.client_metadata().equal_range(kHeader);
  for (auto at = begin; at != end; ++at) values.emplace_back(at->second.data(), at->second.size());
  return values;
}

Admission AdmissionOf(access::Guard* guard, const grpc::ServerContextBase& context,
                      std::string method) {
  return [guard, authorization = AuthorizationOf(context), method = std::move(method)] {
    return guard->Admit(authorization, method);
  };
}

}  // namespace longshore::services
