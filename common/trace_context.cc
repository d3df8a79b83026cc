#include "common/trace_context.h"

#include <algorithm>

namespace longshore {
namespace {

// Where the parts of "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01" are.
constexpr size_t kBytes = 55;
constexpr size_t kTraceAt = 3;
constexpr size_t kTraceBytes = 32;
constexpr size_t kParentAt = 36;
constexpr size_t kParentBytes = 16;
constexpr size_t kFlagsAt = 53;

bool IsHex(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); }

bool IsZero(std::string_view id) {
  return std::all_of(id.begin(), id.end(), [](char c) { return c == '0'; });
}

}  // namespace

bool IsTraceparent(std::string_view text) {
  if (text.size() != kBytes) return false;
  for (size_t i = 0; i < kBytes; ++i) {
    const bool is_dash = i == kTraceAt - 1 || i == kParentAt - 1 || i == kFlagsAt - 1;
    if (is_dash ? text[i] != '-' : !IsHex(text[i])) return false;
  }
  return text.substr(0, 2) != "ff" && !IsZero(text.substr(kTraceAt, kTraceBytes)) &&
         !IsZero(text.substr(kParentAt, kParentBytes));
}

std::string_view TraceIdOf(std::string_view traceparent) {
  return IsTraceparent(traceparent) ? traceparent.substr(kTraceAt, kTraceBytes)
                                    : std::string_view();
}

void AddTraceId(std::string_view traceparent, std::vector<LogField>* fields) {
  const std::string_view id = TraceIdOf(traceparent);
  if (!id.empty()) fields->push_back({"trace_id", std::string(id)});
}

}  // namespace longshore
