// W3C trace context: by which request of which trace something was asked for
// (https://www.w3.org/TR/trace-context/).
#ifndef LONGSHORE_COMMON_TRACE_CONTEXT_H_
#define LONGSHORE_COMMON_TRACE_CONTEXT_H_

#include <string>
#include <string_view>
#include <vector>

#include "common/log_fields.h"

namespace longshore {

// The name of the header, and of gRPC's metadata.
inline constexpr char kTraceparent[] = "traceparent";

// Returns true for "VERSION-TRACE-PARENT-FLAGS" in lower-case hexadecimal digits, with neither id
// all zeros. Of a version after 00 more may follow, which is not kept: that is no traceparent here.
bool IsTraceparent(std::string_view text);

// Returns the trace's id, 32 digits, of a traceparent; empty of anything else.
std::string_view TraceIdOf(std::string_view traceparent);

// Adds that id to what the log says, as "trace_id", if there is one.
void AddTraceId(std::string_view traceparent, std::vector<LogField>* fields);

}  // namespace longshore

#endif  // LONGSHORE_COMMON_TRACE_CONTEXT_H_
