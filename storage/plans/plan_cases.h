// Statements of storage/queries with values as an installation would give them that has the rows of
// plans/history.sql and plans/open_work.sql.
#ifndef LONGSHORE_STORAGE_PLANS_PLAN_CASES_H_
#define LONGSHORE_STORAGE_PLANS_PLAN_CASES_H_

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace longshore::storage {

struct PlanCase {
  // Of the statement.
  std::string name;
  // SQL expressions, by the names of the parameters; of those that are not there, Common() has one.
  std::map<std::string, std::string> values;
  // What it finds is little or nothing: there is not always something for it to do.
  bool may_be_empty = false;
  // How many rows it has to read at least to give its answer, where that is more than it returns.
  int64_t reads = 0;
  // It compares whole tables, and runs once an hour.
  bool whole_tables = false;
};

// Returns values that most statements can do with.
const std::map<std::string, std::string>& Common();

// Returns the cases of all statements that run with each payload or more often, in each round of
// the dispatcher, or in calls that clients make all the time.
std::vector<PlanCase> PlanCases();

// Returns why others have no case, by their names.
const std::map<std::string, std::string>& ColdStatements();

}  // namespace longshore::storage

#endif  // LONGSHORE_STORAGE_PLANS_PLAN_CASES_H_
