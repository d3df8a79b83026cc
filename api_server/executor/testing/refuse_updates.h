// Rows that the database refuses to change, for tests of what becomes of the others.
#ifndef LONGSHORE_API_SERVER_EXECUTOR_TESTING_REFUSE_UPDATES_H_
#define LONGSHORE_API_SERVER_EXECUTOR_TESTING_REFUSE_UPDATES_H_

#include <string>

namespace longshore::executor {

// SQL after which every update of `table` fails where `condition`, over NEW and OLD, holds. Once
// for each table.
inline std::string RefuseUpdates(const std::string& table, const std::string& condition) {
  const std::string name = "refuse_" + table;
  return "CREATE FUNCTION " + name + "() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF " +
         condition + " THEN RAISE EXCEPTION 'this row is refused'; END IF; RETURN NEW; END $$;" +
         "CREATE TRIGGER " + name + " BEFORE UPDATE ON " + table +
         " FOR EACH ROW EXECUTE FUNCTION " + name + "();";
}

}  // namespace longshore::executor

#endif  // LONGSHORE_API_SERVER_EXECUTOR_TESTING_REFUSE_UPDATES_H_
