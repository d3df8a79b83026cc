// How PostgreSQL carries out the statements when the tables hold a million payloads that have
// ended: no statement reads what it has nothing to do with.
#include <gtest/gtest.h>
#include <stdlib.h>

#include <algorithm>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>
#include <string>

#include "storage/plans/plan_cases.h"
#include "storage/queries/queries.h"
#include "storage/testing/database_fixture.h"

namespace longshore::storage {
namespace {

using Json = nlohmann::json;

// How many rows a part of a plan may read for each row that the statement returns or
// changes, and for how many of these in any case.
constexpr int64_t kReadsForEach = 10;
constexpr int64_t kLeast = 100;
// By way of an index.
constexpr int64_t kPagesForEach = 2;

const Query& QueryOf(const std::string& name) {
  const auto all = queries::All();
  const auto found =
      std::find_if(all.begin(), all.end(), [&](const Query* query) { return query->name == name; });
  EXPECT_NE(found, all.end()) << "there is no statement " << name;
  return **found;
}

int64_t Number(const Json& node, const char* key) {
  const auto found = node.find(key);
  return found == node.end() ? 0 : static_cast<int64_t>(found->get<double>());
}

std::string Text(const Json& node, const char* key) { return node.value(key, std::string()); }

void EachNode(const Json& node, const std::function<void(const Json&)>& visit) {
  visit(node);
  if (!node.contains("Plans")) return;
  for (const Json& part : node["Plans"]) EachNode(part, visit);
}

int64_t RowsOf(const Json& node) {
  return Number(node, "Actual Rows") * Number(node, "Actual Loops");
}

// How many rows a statement returns, or changes, whichever is more.
int64_t Yield(const Json& plan) {
  int64_t most = RowsOf(plan);
  EachNode(plan, [&](const Json& node) {
    if (Text(node, "Node Type") != "ModifyTable") return;
    most = std::max(most, RowsOf(node["Plans"][0]));
  });
  return most;
}

// What is wrong with a plan, or nothing.
std::string Faults(const Json& plan, bool whole_tables, int64_t allowed) {
  static const auto* const kLarge = new std::set<std::string>{
      "payloads",    "tasks",        "payload_output", "deployments", "instances",
      "request_ids", "audit_events", "task_logs",      "scripts"};
  std::stringstream faults;
  EachNode(plan, [&](const Json& node) {
    const std::string type = Text(node, "Node Type");
    const std::string of = Text(node, "Relation Name") + " " + Text(node, "Index Name");
    if (!whole_tables && type == "Seq Scan" && kLarge->contains(Text(node, "Relation Name"))) {
      faults << "goes through all of " << of << "\n";
    }
    const int64_t read = (Number(node, "Actual Rows") + Number(node, "Rows Removed by Filter") +
                          Number(node, "Rows Removed by Index Recheck") +
                          Number(node, "Rows Removed by Join Filter")) *
                         Number(node, "Actual Loops");
    if (read > allowed) faults << type << " " << of << " reads " << read << " rows\n";
    // An index that is gone through from end to end removes no rows.
    const int64_t pages = Number(node, "Shared Hit Blocks") + Number(node, "Shared Read Blocks");
    if ((node.contains("Relation Name") || node.contains("Index Name")) && type != "ModifyTable" &&
        pages > kPagesForEach * allowed) {
      faults << type << " " << of << " reads " << pages << " pages\n";
    }
  });
  return faults.str();
}

class PlansTest : public DatabaseFixture {
 protected:
  static void SetUpTestSuite() {
    // It is filled once and then thrown away.
    setenv("POSTGRES_OPTIONS",
           "-c fsync=off -c wal_level=minimal -c max_wal_senders=0 -c max_wal_size=8GB "
           "-c autovacuum=off",
           /*overwrite=*/1);
    DatabaseFixture::SetUpTestSuite();
  }

  void SetUp() override {
    DatabaseFixture::SetUp();
    // By psql, without the limits of a session that works.
    psql_ = "psql -q -X -v ON_ERROR_STOP=1 " + url_ + " >/dev/null ";
    Fill("-f storage/plans/history.sql");
    // What autovacuum does, when nothing is under way.
    Fill("-c 'VACUUM ANALYZE'");
    Fill("-f storage/plans/open_work.sql");
  }

  void Fill(const std::string& action) { ASSERT_EQ(system((psql_ + action).c_str()), 0) << action; }

  // Explains a statement as it is run: prepared, in a session like any other.
  Json Explain(Connection& connection, const PlanCase& one, const std::string& every_project) {
    const Query& query = QueryOf(one.name);
    std::string values;
    for (const std::string_view parameter : query.parameters) {
      if (parameter.empty()) break;
      const std::string name(parameter);
      const auto own = one.values.find(name);
      const auto common = Common().find(name);
      EXPECT_TRUE(own != one.values.end() || common != Common().end()) << name;
      values += values.empty() ? "(" : ", ";
      if (name == "every_project") {
        values += every_project;
      } else {
        values += own != one.values.end() ? own->second : common->second;
      }
    }
    if (!values.empty()) values += ")";
    // As begin_pruning has it, or Connection.
    const bool prunes = one.name.starts_with("prune_") || one.name == "lock_unused_scripts" ||
                        one.name == "mark_pruned_deployments";
    std::string begin = "BEGIN; SET LOCAL longshore.pruning = on;";
    if (prunes || query.planned_each_time) begin += "SET LOCAL plan_cache_mode = force_custom_plan";
    EXPECT_TRUE(connection.ExecuteScript(begin).ok());
    if (!prepared_.contains(one.name)) {
      const absl::Status prepared =
          connection.ExecuteScript("PREPARE " + one.name + " AS " + query.text);
      EXPECT_TRUE(prepared.ok()) << one.name << ": " << prepared;
      prepared_.insert(one.name);
    }
    const auto result = connection.Execute(
        ("EXPLAIN (ANALYZE, TIMING off, FORMAT JSON, BUFFERS) EXECUTE " + one.name + values)
            .c_str());
    EXPECT_TRUE(result.ok()) << one.name << ": " << result.status();
    Json plan;
    if (result.ok()) plan = Json::parse(result->Text(0, 0))[0]["Plan"];
    EXPECT_TRUE(connection.ExecuteScript("ROLLBACK").ok());
    return plan;
  }

  void ExpectGoodPlan(Connection& connection, const PlanCase& one,
                      const std::string& every_project) {
    const Json plan = Explain(connection, one, every_project);
    if (plan.is_null()) return;
    const int64_t yield = Yield(plan);
    EXPECT_TRUE(one.may_be_empty || every_project == "false" || yield > 0)
        << one.name << " has nothing to do";
    const std::string faults = Faults(
        plan, one.whole_tables, std::max(kReadsForEach * std::max(kLeast, yield), 2 * one.reads));
    EXPECT_EQ(faults, "") << one.name << " for " << yield << " rows, every_project "
                          << every_project << ", " << Json(one.values).dump().substr(0, 200)
                          << ":\n";
  }

  void ExpectGoodPlans() {
    const auto connection = Connection::Open(url_);
    ASSERT_TRUE(connection.ok()) << connection.status();
    prepared_.clear();
    for (const PlanCase& one : PlanCases()) {
      ExpectGoodPlan(**connection, one, "true");
      const auto& parameters = QueryOf(one.name).parameters;
      if (std::find(parameters.begin(), parameters.end(), "every_project") != parameters.end()) {
        ExpectGoodPlan(**connection, one, "false");
      }
    }
  }

  // Of any statement.
  std::string FaultsOf(const std::string& sql) {
    const std::string plan =
        QueryValue("EXPLAIN (ANALYZE, TIMING off, FORMAT JSON, BUFFERS) " + sql);
    return Faults(Json::parse(plan)[0]["Plan"], /*whole_tables=*/false, kReadsForEach * kLeast);
  }

  std::string psql_;
  std::set<std::string> prepared_;
};

TEST_F(PlansTest, NoStatementReadsWhatItHasNothingToDoWith) {
  // What is to be found is found.
  EXPECT_NE(FaultsOf("SELECT FROM payloads WHERE executed"), "");
  EXPECT_NE(FaultsOf("SELECT FROM payloads WHERE id % 100 = 0 ORDER BY id LIMIT 50"), "");
  EXPECT_NE(FaultsOf("SELECT FROM tasks WHERE id > 0 AND id % 2 = 2"), "");
  EXPECT_EQ(FaultsOf("SELECT FROM payloads WHERE id = 1"), "");
  ExpectGoodPlans();
  // The statistics may as well be of a moment when much was under way.
  Fill("-c ANALYZE");
  ExpectGoodPlans();
}

TEST(PlanCasesTest, EveryStatementHasACaseOrIsCold) {
  std::set<std::string> cases;
  for (const PlanCase& one : PlanCases()) cases.insert(one.name);
  for (const Query* query : queries::All()) {
    EXPECT_NE(cases.contains(query->name), ColdStatements().contains(query->name)) << query->name;
    cases.erase(query->name);
  }
  EXPECT_TRUE(cases.empty()) << *cases.begin() << " is no statement";
}

}  // namespace
}  // namespace longshore::storage
