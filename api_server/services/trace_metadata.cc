#include "api_server/services/trace_metadata.h"

#include "common/trace_context.h"

namespace longshore::services {

std::string TraceparentOf(const std::multimap<grpc::string_ref, grpc::string_ref>& metadata) {
  const auto found = metadata.find(kTraceparent);
  // Of two it would not be clear which counts.
  if (found == metadata.end() || metadata.count(kTraceparent) > 1) return "";
  std::string traceparent(found->second.data(), found->second.size());
  return IsTraceparent(traceparent) ? traceparent : "";
}

}  // namespace longshore::services
