// Tables for people.
#ifndef LONGSHORE_CLI_TABLE_H_
#define LONGSHORE_CLI_TABLE_H_

#include <functional>
#include <string>
#include <vector>

namespace longshore::cli {

// Formats rows; the first is the heading. Each column is as wide as its widest cell, with two
// spaces between columns. Control characters are shown as "?".
std::string FormatTable(const std::vector<std::vector<std::string>>& rows);

template <typename Row>
struct Column {
  std::string heading;
  std::function<std::string(const Row&)> cell;
  bool wide = false;  // Only in wide tables.
};

template <typename Row>
std::string MakeTable(const std::vector<Column<Row>>& columns, const std::vector<Row>& rows,
                      bool wide) {
  std::vector<std::vector<std::string>> cells(rows.size() + 1);
  for (const Column<Row>& column : columns) {
    if (column.wide && !wide) continue;
    cells[0].push_back(column.heading);
    for (size_t i = 0; i < rows.size(); ++i) cells[i + 1].push_back(column.cell(rows[i]));
  }
  return FormatTable(cells);
}

}  // namespace longshore::cli

#endif  // LONGSHORE_CLI_TABLE_H_
