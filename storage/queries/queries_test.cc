// Every statement against the schema, so that a mistake in one that is rarely run shows too.
#include "storage/queries/queries.h"

#include <gtest/gtest.h>
#include <postgresql/libpq-fe.h>

#include <algorithm>
#include <memory>
#include <set>
#include <string>

#include "storage/testing/database_fixture.h"

namespace longshore::storage {
namespace {

using PgConnection = std::unique_ptr<PGconn, decltype(&PQfinish)>;
using PgResult = std::unique_ptr<PGresult, decltype(&PQclear)>;

class QueriesTest : public DatabaseFixture {
 protected:
  // By libpq itself: Connection runs statements, and most of these must not run by themselves.
  void SetUp() override {
    DatabaseFixture::SetUp();
    connection_.reset(PQconnectdb(url_.c_str()));
    ASSERT_EQ(PQstatus(connection_.get()), CONNECTION_OK) << PQerrorMessage(connection_.get());
  }

  // What PostgreSQL understands a statement to be; null when it does not understand it.
  PgResult Describe(const Query& query) {
    const PgResult prepared(PQprepare(connection_.get(), query.name, query.text, 0, nullptr),
                            &PQclear);
    EXPECT_EQ(PQresultStatus(prepared.get()), PGRES_COMMAND_OK)
        << query.name << ": " << PQresultErrorMessage(prepared.get());
    if (PQresultStatus(prepared.get()) != PGRES_COMMAND_OK) return {nullptr, &PQclear};
    return {PQdescribePrepared(connection_.get(), query.name), &PQclear};
  }

  PgConnection connection_{nullptr, &PQfinish};
};

TEST_F(QueriesTest, EveryStatementFitsTheSchema) {
  ASSERT_FALSE(queries::All().empty());
  for (const Query* query : queries::All()) {
    const PgResult description = Describe(*query);
    if (description == nullptr) continue;
    const auto names = std::find(query->parameters.begin(), query->parameters.end(), "");
    EXPECT_EQ(PQnparams(description.get()), names - query->parameters.begin()) << query->name;
  }
}

TEST_F(QueriesTest, EveryColumnHasANameOfItsOwn) {
  for (const Query* query : queries::All()) {
    const PgResult description = Describe(*query);
    if (description == nullptr) continue;
    std::set<std::string> names;
    for (int column = 0; column < PQnfields(description.get()); ++column) {
      const std::string name = PQfname(description.get(), column);
      EXPECT_NE(name, "?column?") << query->name;
      EXPECT_TRUE(names.insert(name).second) << query->name << " has two columns " << name;
    }
  }
}

}  // namespace
}  // namespace longshore::storage
