// Makes the database refuse to change some rows, for tests of what becomes of the others.
#ifndef LONGSHORE_API_SERVER_EXECUTOR_TESTING_REFUSE_UPDATES_H_
#define LONGSHORE_API_SERVER_EXECUTOR_TESTING_REFUSE_UPDATES_H_

#include <string>

namespace longshore::executor {

// Returns SQL after which each update of `table` fails for which `condition`, over NEW and OLD, is
// true. It can be used once for each table.
inline std::string RefuseUpdates(const std::string& table, const std::string& condition) {
  const std::string name = "refuse_" + table;
  return "CREATE FUNCTION " + name + "() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF " +
         condition + " THEN RAISE EXCEPTION 'this row is refused'; END IF; RETURN NEW; END $$;" +
         "CREATE TRIGGER " + name + " BEFORE UPDATE ON " + table +
         " FOR EACH ROW EXECUTE FUNCTION " + name + "();";
}

}  // namespace longshore::executor

#endif  // LONGSHORE_API_SERVER_EXECUTOR_TESTING_REFUSE_UPDATES_H_
