// Pages of lists: sizes and opaque tokens.
#ifndef LONGSHORE_API_SERVER_DOMAIN_PAGE_H_
#define LONGSHORE_API_SERVER_DOMAIN_PAGE_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "storage/rows.h"

namespace longshore::domain {

// Checks page_size (0 means 100, at most 1,000) and page_token. The page asks for one row more than
// the client gets, which tells whether there is a next page. `list` names the list and its filters:
// a token is good for the list it came from only.
absl::StatusOr<storage::Page> ParsePage(std::string_view list, int32_t page_size,
                                        const std::string& page_token);

// Cuts `rows` to the page's size and returns the token of the next page; empty when this is the
// last.
template <typename Rows>
std::string FinishPage(std::string_view list, const storage::Page& page, Rows* rows);

std::string MakePageToken(std::string_view list, int64_t after);

template <typename Rows>
std::string FinishPage(std::string_view list, const storage::Page& page, Rows* rows) {
  if (static_cast<int>(rows->size()) < page.limit) return "";
  rows->resize(page.limit - 1);
  return MakePageToken(list, rows->back().id());
}

}  // namespace longshore::domain

#endif  // LONGSHORE_API_SERVER_DOMAIN_PAGE_H_
