// Reads lists page by page.
#ifndef LONGSHORE_CLI_PAGES_H_
#define LONGSHORE_CLI_PAGES_H_

#include <google/protobuf/repeated_field.h>

#include <vector>

#include "absl/status/statusor.h"
#include "cli/client.h"
#include "common/status_macros.h"

namespace longshore::cli {

// All rows that `list` has for `request`; `rows_of` is the accessor of a page's rows.
template <typename Request, typename Response, typename Row>
absl::StatusOr<std::vector<Row>> ReadPages(
    Client* client, absl::StatusOr<Response> (Client::*list)(const Request&),
    google::protobuf::RepeatedPtrField<Row>* (Response::*rows_of)(), Request request) {
  constexpr int32_t kMaxPageSize = 1000;
  std::vector<Row> rows;
  do {
    request.set_page_size(kMaxPageSize);
    ASSIGN_OR_RETURN(Response page, (client->*list)(request));
    for (Row& row : *(page.*rows_of)()) rows.push_back(std::move(row));
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  return rows;
}

}  // namespace longshore::cli

#endif  // LONGSHORE_CLI_PAGES_H_
