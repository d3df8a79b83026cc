// A statement of a .sql file. storage/queries/embed.py makes constants of this type.
#ifndef LONGSHORE_STORAGE_QUERY_H_
#define LONGSHORE_STORAGE_QUERY_H_

#include <array>
#include <string_view>

namespace longshore::storage {

struct Query {
  // As many parameters as any statement has, and some. Unused places are empty.
  static constexpr int kMaxParameters = 20;

  // The name behind `-- name:`, or else the file's.
  const char* name;
  const char* text;
  // The names of $1, $2 and so on.
  std::array<std::string_view, kMaxParameters> parameters;
  // The comment in its first line, or "".
  const char* title;
  // Which plan is good depends on the values: it is planned for them, each time.
  bool planned_each_time = false;
};

}  // namespace longshore::storage

#endif  // LONGSHORE_STORAGE_QUERY_H_
