// A statement of a .sql file, as storage/queries/embed.py hands it to the program.
#ifndef LONGSHORE_STORAGE_QUERY_H_
#define LONGSHORE_STORAGE_QUERY_H_

#include <array>
#include <string_view>

namespace longshore::storage {

struct Query {
  // More than any statement needs; unused places are empty.
  static constexpr int kMaxParameters = 16;

  // The file's name, or the one behind `-- name:`.
  const char* name;
  const char* text;
  // The names of $1, $2 and so on.
  std::array<std::string_view, kMaxParameters> parameters;
  // What the comment in its first line says, or "".
  const char* title;
};

}  // namespace longshore::storage

#endif  // LONGSHORE_STORAGE_QUERY_H_
