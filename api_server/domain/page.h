// Pages of lists: their sizes and their opaque tokens.
#ifndef LONGSHORE_API_SERVER_DOMAIN_PAGE_H_
#define LONGSHORE_API_SERVER_DOMAIN_PAGE_H_

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "api_server/domain/fields.h"
#include "storage/rows.h"

namespace longshore::domain {

// Checks page_size (0 means 100, at most 1,000) and page_token. The returned page asks for one row
// more than the client gets, which shows whether there is a next page. `list` names the list and
// its filters: a token is valid only for the list that it came from.
absl::StatusOr<storage::Page> ParsePage(std::string_view list, int32_t page_size,
                                        const std::string& page_token);

// Cuts `rows` to the page's size in rows and bytes. Returns the token of the next page, or an empty
// one when this page is the last.
template <typename Rows>
std::string FinishPage(std::string_view list, const storage::Page& page, Rows* rows);

std::string MakePageToken(std::string_view list, int64_t after);

template <typename Rows>
std::string FinishPage(std::string_view list, const storage::Page& page, Rows* rows) {
  const size_t most = std::min(rows->size(), static_cast<size_t>(page.limit - 1));
  size_t bytes = 0;
  size_t taken = 0;
  while (taken < most) {
    bytes += (*rows)[taken].ByteSizeLong();
    if (taken > 0 && bytes > kMaxAnswerBytes) break;
    ++taken;
  }
  if (taken == rows->size()) return "";
  rows->resize(taken);
  return MakePageToken(list, rows->back().id());
}

}  // namespace longshore::domain

#endif  // LONGSHORE_API_SERVER_DOMAIN_PAGE_H_
