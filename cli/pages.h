// Reads lists page by page.
#ifndef LONGSHORE_CLI_PAGES_H_
#define LONGSHORE_CLI_PAGES_H_

#include <google/protobuf/repeated_field.h>

#include <algorithm>
#include <vector>

#include "absl/status/statusor.h"
#include "cli/client.h"
#include "common/status_macros.h"

namespace longshore::cli {

inline constexpr int32_t kNoLimit = 0;

// Returns the rows that `list` has for `request`, the first `limit` at most. `rows_of` is the
// accessor for the rows of a page. `first`, if it is not null, becomes the first page, which may
// tell more than rows, without them.
template <typename Request, typename Response, typename Row>
absl::StatusOr<std::vector<Row>> ReadPages(
    Client* client, absl::StatusOr<Response> (Client::*list)(const Request&),
    google::protobuf::RepeatedPtrField<Row>* (Response::*rows_of)(), Request request, int32_t limit,
    Response* first = nullptr) {
  constexpr int32_t kMaxPageSize = 1000;
  std::vector<Row> rows;
  do {
    const auto left = limit - static_cast<int32_t>(rows.size());
    request.set_page_size(limit == kNoLimit ? kMaxPageSize : std::min(kMaxPageSize, left));
    ASSIGN_OR_RETURN(Response page, (client->*list)(request));
    const bool is_first = request.page_token().empty();
    for (Row& row : *(page.*rows_of)()) rows.push_back(std::move(row));
    (page.*rows_of)()->Clear();
    request.set_page_token(page.next_page_token());
    if (is_first && first != nullptr) *first = std::move(page);
  } while (!request.page_token().empty() &&
           (limit == kNoLimit || rows.size() < static_cast<size_t>(limit)));
  return rows;
}

}  // namespace longshore::cli

#endif  // LONGSHORE_CLI_PAGES_H_
