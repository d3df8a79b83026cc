#include "api_server/domain/page.h"

#include <charconv>

#include "api_server/domain/errors.h"
#include "common/sha256.h"

namespace longshore::domain {
namespace {

constexpr int kDefaultPageSize = 100;
constexpr int kMaxPageSize = 1000;
constexpr size_t kListHashBytes = 4;

std::string ListHash(std::string_view list) { return Sha256(list).substr(0, kListHashBytes); }

}  // namespace

std::string MakePageToken(std::string_view list, int64_t after) {
  return HexEncode(ListHash(list) + std::to_string(after));
}

absl::StatusOr<storage::Page> ParsePage(std::string_view list, int32_t page_size,
                                        const std::string& page_token) {
  if (page_size < 0 || page_size > kMaxPageSize) {
    return InvalidField("page_size", std::to_string(page_size),
                        "is out of range: 0 for the default of 100, or 1 to 1000");
  }
  storage::Page page{.limit = (page_size == 0 ? kDefaultPageSize : page_size) + 1};
  if (page_token.empty()) return page;
  const std::string token = HexDecode(page_token);
  const char* end = token.data() + token.size();
  if (token.size() > kListHashBytes && token.substr(0, kListHashBytes) == ListHash(list)) {
    const auto parsed = std::from_chars(token.data() + kListHashBytes, end, page.after);
    if (parsed.ec == std::errc() && parsed.ptr == end && page.after > 0) return page;
  }
  return InvalidField("page_token", page_token,
                      "is not a next_page_token of this list with these filters");
}

}  // namespace longshore::domain
