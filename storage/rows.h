// What the stores share: reading columns into proto fields, and pages of lists.
#ifndef LONGSHORE_STORAGE_ROWS_H_
#define LONGSHORE_STORAGE_ROWS_H_

#include <google/protobuf/timestamp.pb.h>

#include "storage/connection.h"

namespace longshore::storage {

// A page of a list: at most `limit` rows after the row `after` in the list's order; 0: from its
// beginning.
struct Page {
  int64_t after = 0;
  int limit = 100;
};

// Sets a Timestamp from a column of microseconds since the epoch, or a Duration from a column of
// microseconds. Leaves the field unset when the column is NULL.
template <typename Setter>
void ReadTimestamp(const Row& row, std::string_view column, Setter mutable_field) {
  if (row.IsNull(column)) return;
  const int64_t micros = row.Int(column);
  auto* field = mutable_field();
  field->set_seconds(micros / 1000000);
  field->set_nanos(static_cast<int32_t>(micros % 1000000 * 1000));
}

// Returns the first column as numbers.
inline std::vector<int64_t> ReadIds(const Result& result) {
  std::vector<int64_t> ids;
  ids.reserve(result.rows());
  for (int row = 0; row < result.rows(); ++row) ids.push_back(result.Int(row, 0));
  return ids;
}

}  // namespace longshore::storage

#endif  // LONGSHORE_STORAGE_ROWS_H_
