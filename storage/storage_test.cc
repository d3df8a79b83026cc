// The conformance suite of the stores, against real PostgreSQL.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <iterator>
#include <numeric>
#include <random>

#include "storage/output_store.h"
#include "storage/request_id_store.h"
#include "storage/statistics.h"
#include "storage/testing/database_fixture.h"

namespace longshore::storage {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr int kLarge = 2000;

class StorageTest : public DatabaseFixture {
 protected:
  std::vector<int64_t> AddInstances(int count) {
    std::vector<int64_t> ids(count);
    for (size_t i = 0; i < ids.size(); ++i) ids[i] = AddInstance("i" + std::to_string(i));
    return ids;
  }

  // Makes tasks for payloads that have been delivered, and makes them theirs.
  void Execute(const std::vector<int64_t>& payloads, const std::vector<int64_t>& instances) {
    Do([&](Connection& c) -> absl::Status {
      NewTasks tasks{.type = v1::TASK_TYPE_PAYLOAD_EXECUTE,
                     .payload_ids = payloads,
                     .instance_ids = instances};
      ASSIGN_OR_RETURN(tasks.ids, task_store::AllocateIds(c, std::ssize(payloads)));
      tasks.remote_paths.resize(payloads.size());
      tasks.depends_on.resize(payloads.size());
      RETURN_IF_ERROR(task_store::InsertBatch(c, tasks));
      return payload_store::SetTasks(c, payloads, tasks.ids, /*timeout=*/0);
    });
  }

  // Returns how many rows `action` reads of the table of which it reads most.
  int64_t MostRead(const std::function<void()>& action) {
    EXPECT_TRUE(Sql("SELECT pg_stat_force_next_flush()").ok());
    EXPECT_TRUE(Sql("SELECT pg_stat_reset()").ok());
    action();
    EXPECT_TRUE(Sql("SELECT pg_stat_force_next_flush()").ok());
    return std::stoll(
        QueryValue("SELECT max(coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0))::text "
                   "FROM pg_stat_user_tables"));
  }
};

// The connection has planned the statements when the tables had a row.
TEST_F(StorageTest, ALargeDeploymentAfterASmallOneReadsEachRowOnce) {
  AddDeployment({AddInstance("a")}, "/x", {.max_concurrency = 1});
  ASSERT_TRUE(Sql("ANALYZE").ok());
  AddDeployment({AddInstance("b")}, "/x", {.max_concurrency = 1});
  const std::vector<int64_t> fleet = AddInstances(kLarge);
  for (const int max_concurrency : {0, 50}) {
    EXPECT_LT(MostRead([&] { AddDeployment(fleet, "/x", {.max_concurrency = max_concurrency}); }),
              10 * kLarge)
        << max_concurrency;
  }
}

TEST_F(StorageTest, SoDoesALargeExecution) {
  const int64_t instance = AddInstance("a");
  const int64_t first = AddPayload(instance, "/x", /*execute=*/false);
  ASSERT_TRUE(Sql("ANALYZE").ok());
  Execute({first}, {instance});
  const std::vector<int64_t> fleet = AddInstances(kLarge);
  // Over another connection.
  Database other(DatabaseOptions{.url = url_});
  ASSERT_TRUE(other
                  .Transact([&](Connection& c) {
                    return InsertDeployment(c, fleet, "/x", {}, /*execute=*/false).status();
                  })
                  .ok());
  std::vector<int64_t> payloads(kLarge);
  std::iota(payloads.begin(), payloads.end(), first + 1);
  EXPECT_LT(MostRead([&] { Execute(payloads, fleet); }), 10 * kLarge);
}

TEST_F(StorageTest, FirstHostKeyIsPinned) {
  const int64_t id = AddInstance("a", /*host_key=*/"");
  Do([&](Connection& c) -> absl::Status {
    ASSIGN_OR_RETURN(const std::string first, instance_store::PinHostKey(c, id, HostKey('A')));
    ASSIGN_OR_RETURN(const std::string second, instance_store::PinHostKey(c, id, HostKey('B')));
    EXPECT_EQ(first, HostKey('A'));
    EXPECT_EQ(second, HostKey('A'));
    return absl::OkStatus();
  });
}

TEST_F(StorageTest, ClaimsEachTaskOnceUnderARisingEpoch) {
  const int64_t instance = AddInstance("a");
  const int64_t task = AddPayload(instance, "/x");
  EXPECT_THAT(Claim(10), ElementsAre(task));
  EXPECT_THAT(Claim(10), IsEmpty());
  ASSERT_TRUE(Sql("UPDATE tasks SET lease_until = now() - interval '1 s'").ok());
  Do([&](Connection& c) -> absl::Status {
    ASSIGN_OR_RETURN(const auto fenced,
                     lease_store::Renew(c, {{task, 0, "w"}}, std::chrono::seconds(9)));
    EXPECT_THAT(fenced, IsEmpty());
    ASSIGN_OR_RETURN(const auto expired, lease_store::FindExpired(c, 10));
    EXPECT_THAT(expired, ElementsAre(task));
    ASSIGN_OR_RETURN(const int64_t reaped, lease_store::ReapExpired(c, expired));
    EXPECT_EQ(reaped, 1);
    // The lease that ran out cannot be renewed any more.
    ASSIGN_OR_RETURN(const auto late,
                     lease_store::Renew(c, {{task, 1, "w"}}, std::chrono::seconds(9)));
    EXPECT_THAT(late, IsEmpty());
    return absl::OkStatus();
  });
  EXPECT_THAT(Claim(10), ElementsAre(task));
  Do([&](Connection& c) -> absl::Status {
    ASSIGN_OR_RETURN(const auto locked, task_store::Lock(c, {task}));
    EXPECT_EQ(locked[0].lease_epoch, 2);
    return absl::OkStatus();
  });
}

TEST_F(StorageTest, OneRemotePathAtATimeAndTheNextIsWoken) {
  const int64_t instance = AddInstance("a");
  const int64_t first = AddPayload(instance, "/x");
  const int64_t second = AddPayload(instance, "/x");
  const int64_t other = AddPayload(instance, "/y");
  EXPECT_THAT(Claim(10), ElementsAre(first, other));
  EXPECT_THAT(Claim(10), IsEmpty());
  Do([&](Connection& c) { return task_store::End(c, {Completed(first, instance)}, limit_); });
  EXPECT_THAT(Claim(10), ElementsAre(second));
}

TEST_F(StorageTest, APathStaysBusyWhileItsScriptRunsWithoutAHolder) {
  const int64_t instance = AddInstance("a");
  const int64_t first = AddPayload(instance, "/x");
  EXPECT_THAT(Claim(1), ElementsAre(first));
  AddPayload(instance, "/x");
  Start(first);
  Do([&](Connection& c) {
    return task_store::Reschedule(c, {first}, {std::chrono::hours(1)}, {"lost"});
  });
  EXPECT_THAT(Claim(10), IsEmpty());
}

TEST_F(StorageTest, AtMostSoManyOnOneInstance) {
  const int64_t instance = AddInstance("a");
  std::vector<int64_t> tasks;
  tasks.reserve(5);
  for (int i = 0; i < 5; ++i) tasks.push_back(AddPayload(instance, "/x" + std::to_string(i)));
  const ClaimOptions options{.max_running_per_instance = 2};
  EXPECT_THAT(Claim(10, options), ElementsAre(tasks[0], tasks[1]));
  EXPECT_THAT(Claim(10, options), IsEmpty());
  Do([&](Connection& c) { return task_store::End(c, {Completed(tasks[0], instance)}, limit_); });
  EXPECT_THAT(Claim(10, options), ElementsAre(tasks[2]));
}

TEST_F(StorageTest, TerminalRowsNeverChangeAndStatusGoesAlongTheArrows) {
  const int64_t instance = AddInstance("a");
  const int64_t task = AddPayload(instance, "/x");
  Claim(1);
  Start(task);
  EXPECT_FALSE(Sql("UPDATE payloads SET status = 'PENDING'").ok());
  EXPECT_FALSE(Sql("UPDATE tasks SET lease_epoch = 0").ok());
  Do([&](Connection& c) { return task_store::End(c, {Completed(task, instance)}, limit_); });
  EXPECT_FALSE(Sql("UPDATE payloads SET error = 'x'").ok());
  EXPECT_FALSE(Sql("UPDATE tasks SET error = 'x'").ok());
  // Ending it again, as after a COMMIT whose answer was lost, changes nothing.
  TaskEnd again = Completed(task, instance);
  again.status = v1::PAYLOAD_STATUS_FAILED;
  again.failure_reason = v1::FAILURE_REASON_INTERNAL;
  Do([&](Connection& c) { return task_store::End(c, {again}, limit_); });
  EXPECT_EQ(Payload(task).status(), v1::PAYLOAD_STATUS_COMPLETED);
}

TEST_F(StorageTest, OutputKeepsHeadAndTailAndIgnoresRepeats) {
  const int64_t instance = AddInstance("a");
  const int64_t id = AddPayload(instance, "/x");
  std::string whole;
  for (int i = 0; i < 100; ++i) whole += std::to_string(1000 + i);
  Claim(1);
  Start(id);
  // 50 bytes of head in chunks of 25, then chunks of 30.
  for (size_t at = 0; at < whole.size();) {
    const size_t size = at < 50 ? 25 : std::min<size_t>(30, whole.size() - at);
    const OutputChunk chunk{id, static_cast<int64_t>(at), whole.substr(at, size)};
    Do([&](Connection& c) { return output_store::Append(c, {chunk}, limit_); });
    Do([&](Connection& c) { return output_store::Append(c, {chunk}, limit_); });
    at += size;
  }
  TaskEnd end = Completed(id, instance);
  end.output_bytes = static_cast<int64_t>(whole.size());
  Do([&](Connection& c) { return task_store::End(c, {end}, limit_); });
  Do([&](Connection& c) -> absl::Status {
    ASSIGN_OR_RETURN(const std::string kept, output_store::ReadEnds(c, id, 1 << 20));
    EXPECT_EQ(kept, whole.substr(0, 50) + whole.substr(whole.size() - 50));
    ASSIGN_OR_RETURN(const OutputChunk middle, output_store::ReadFrom(c, id, 10, 1000));
    EXPECT_EQ(middle.offset, 10);
    EXPECT_EQ(middle.data, whole.substr(10, 40));
    ASSIGN_OR_RETURN(const OutputChunk after_gap, output_store::ReadFrom(c, id, 60, 1000));
    EXPECT_EQ(after_gap.offset, 350);
    ASSIGN_OR_RETURN(const OutputChunk nothing, output_store::ReadFrom(c, id, 400, 1000));
    EXPECT_EQ(nothing.data, "");
    ASSIGN_OR_RETURN(const OutputChunk first, output_store::ReadFrom(c, id, 10, 1000, 1));
    EXPECT_EQ(first.data, middle.data);
    ASSIGN_OR_RETURN(const OutputChunk second, output_store::ReadFrom(c, id, 10, 1000, 2));
    EXPECT_EQ(second.data, "");
    return absl::OkStatus();
  });
  EXPECT_EQ(Payload(id).output_bytes(), 400);
  EXPECT_TRUE(Payload(id).output_truncated());
}

TEST_F(StorageTest, AnEndThatDoesNotSayHowMuchWasPrintedCutsTheOutputToo) {
  const int64_t instance = AddInstance("a");
  const int64_t id = AddPayload(instance, "/x");
  Claim(1);
  Start(id);
  // The first chunk is the head, as workers cut it.
  for (const int64_t at : {0, 50, 140}) {
    const OutputChunk chunk{id, at, std::string(at == 0 ? 50 : 90, 'x')};
    Do([&](Connection& c) { return output_store::Append(c, {chunk}, limit_); });
  }
  Do([&](Connection& c) { return task_store::End(c, {Completed(id, instance)}, limit_); });
  Do([&](Connection& c) -> absl::Status {
    ASSIGN_OR_RETURN(const std::string kept, output_store::ReadEnds(c, id, 1 << 20));
    EXPECT_EQ(kept.size(), 100);
    return absl::OkStatus();
  });
}

TEST_F(StorageTest, DependentsFollowTheTaskTheyWaitFor) {
  const int64_t instance = AddInstance("a");
  const auto add_dependent = [&](int64_t on, int64_t payload) {
    NewTasks tasks{.type = v1::TASK_TYPE_PAYLOAD_EXECUTE};
    Do([&](Connection& c) -> absl::Status {
      ASSIGN_OR_RETURN(tasks.ids, task_store::AllocateIds(c, 1));
      tasks.payload_ids = {payload};
      tasks.instance_ids = {instance};
      tasks.remote_paths = {"/x"};
      tasks.depends_on = {on};
      return task_store::InsertBatch(c, tasks);
    });
    return tasks.ids[0];
  };
  const int64_t good = AddPayload(instance, "/x", /*execute=*/false);
  const int64_t runs = add_dependent(good, good);
  EXPECT_THAT(Claim(10), ElementsAre(good));
  TaskEnd end = Completed(good, instance);
  end.status = v1::PAYLOAD_STATUS_TRANSFERRED;
  Do([&](Connection& c) { return task_store::End(c, {end}, limit_); });
  EXPECT_THAT(Claim(10), ElementsAre(runs));
}

TEST_F(StorageTest, PathsOfAnyLengthCanBeClaimed) {
  std::string path;
  std::mt19937 random;
  while (path.size() < 7000) path += "/" + std::to_string(random());
  const int64_t instance = AddInstance("a");
  const int64_t first = AddPayload(instance, path);
  AddPayload(instance, path);
  EXPECT_THAT(Claim(10), ElementsAre(first));
  Start(first);
  ASSERT_TRUE(Sql("UPDATE tasks SET maybe_started = true").ok());
}

TEST_F(StorageTest, DueFlowsAreCountedByProjectAndDeployment) {
  const int64_t instance = AddInstance("a");
  const int64_t other = AddInstance("b");
  ASSERT_TRUE(Sql("UPDATE instances SET project = 'p' WHERE id = " + std::to_string(other)).ok());
  AddDeployment({instance, instance, instance}, "/x", {});
  AddDeployment({other}, "/x", {});
  const int64_t late = AddPayload(other, "/y");
  ASSERT_TRUE(
      Sql("UPDATE tasks SET run_at = now() + interval '1 h' WHERE id = " + std::to_string(late))
          .ok());
  Do([&](Connection& c) -> absl::Status {
    ASSIGN_OR_RETURN(const auto flows, lease_store::FindDueFlows(c, "default", 2, {}));
    EXPECT_EQ(flows.size(), 2u);
    EXPECT_EQ(flows.at(0).project, "default");
    EXPECT_EQ(flows.at(0).deployment_id, 1);
    EXPECT_EQ(flows.at(0).due, 2);  // Counted so far.
    EXPECT_EQ(flows.at(1).project, "p");
    EXPECT_EQ(flows.at(1).due, 1);
    ASSIGN_OR_RETURN(const auto due, lease_store::FindDue(c, flows, {1}));
    EXPECT_THAT(due, ElementsAre(2, 3, 4));
    ASSIGN_OR_RETURN(const auto claimed, lease_store::ClaimTasks(c, {3}, {"w", "w"}, {}));
    EXPECT_EQ(claimed.claims.at(0).task_id, 3);
    return absl::OkStatus();
  });
}

TEST_F(StorageTest, WhatAnOlderServerInsertsHasAProject) {
  const std::string id = std::to_string(AddInstance("a"));
  ASSERT_TRUE(Sql("INSERT INTO instances (name, project, provider, address, port, ssh_user, status)"
                  " VALUES ('b', '', 'registered', 'b', 22, 'root', 'READY')")
                  .ok());
  ASSERT_TRUE(Sql("UPDATE instances SET project = 'p' WHERE id = " + id).ok());
  ASSERT_TRUE(
      Sql("INSERT INTO tasks (type, instance_id, deliver_by) VALUES ('PROVISION_INSTANCE', " + id +
          ", 'infinity')")
          .ok());
  EXPECT_TRUE(Sql("DO $$ BEGIN "
                  "ASSERT (SELECT project FROM instances WHERE name = 'b') = 'default'; "
                  "ASSERT (SELECT project FROM tasks WHERE type = 'PROVISION_INSTANCE') = 'p'; "
                  "END $$")
                  .ok());
}

TEST_F(StorageTest, AHostKeyOfTwoLinesIsNotStored) {
  const std::string id = std::to_string(AddInstance("a"));
  EXPECT_FALSE(
      Sql("UPDATE instances SET host_key = host_key || E'\\nother ' || host_key WHERE id = " + id)
          .ok());
  EXPECT_FALSE(Sql("UPDATE instances SET host_key = 'ssh-rsa nonsense' WHERE id = " + id).ok());
  EXPECT_TRUE(Sql("UPDATE instances SET host_key = '' WHERE id = " + id).ok());
}

TEST_F(StorageTest, AnExecutionHasADeadlineOfTheServersOwn) {
  const int64_t task = AddPayload(AddInstance("a"), "/x");
  Claim(1);
  const auto overrun = [&] {
    std::vector<int64_t> found;
    Do([&](Connection& c) -> absl::Status {
      ASSIGN_OR_RETURN(found, lease_store::FindOverrun(c, 10));
      return absl::OkStatus();
    });
    return found;
  };
  const auto follow = [&] { Start(task, {task}); };
  // Nothing is known of a start yet.
  ASSERT_TRUE(Sql("UPDATE tasks SET deliver_by = now() - interval '30 s'").ok());
  EXPECT_THAT(overrun(), IsEmpty());
  follow();
  EXPECT_THAT(overrun(), IsEmpty());
  // Its timeout is 60 s; whoever reaches it only now has a minute to hear of its end, once.
  ASSERT_TRUE(Sql("UPDATE payloads SET started_at = now() - interval '10 min'").ok());
  follow();
  EXPECT_THAT(overrun(), IsEmpty());
  ASSERT_TRUE(Sql("UPDATE tasks SET end_by = now() - interval '1 s'").ok());
  follow();
  EXPECT_THAT(overrun(), ElementsAre(task));
  // It has ended, only its output has not come.
  Do([&](Connection& c) { return task_store::WaitForOutput(c, {task}); });
  EXPECT_THAT(overrun(), IsEmpty());
}

// Both are due at once, the one that waits has the lower id: neither may keep the other waiting.
TEST_F(StorageTest, WhatRunsOrMayRunComesBeforeWhatWaitsForIt) {
  for (const char* started : {"UPDATE tasks SET maybe_started = true WHERE payload_id = ",
                              "UPDATE payloads SET status = 'EXECUTING', executed = true, "
                              "started_at = now() WHERE id = "}) {
    const int64_t instance = AddInstance(started);
    AddPayload(instance, "/x");
    const int64_t second = AddPayload(instance, "/x");
    ASSERT_TRUE(Sql(started + std::to_string(second)).ok());
    Do([&](Connection& c) -> absl::Status {
      ASSIGN_OR_RETURN(const auto claimed, ClaimDue(c, {"w", "w", "w"}, {}));
      EXPECT_EQ(claimed.claims.size(), 1u);
      EXPECT_EQ(claimed.claims.at(0).payload_id, second);
      return absl::OkStatus();
    });
  }
}

TEST_F(StorageTest, OnlyAnExecutionWhoseHolderIsLostIsInDoubt) {
  const int64_t payload = AddPayload(AddInstance("a"), "/x");
  const auto in_doubt = [&] {
    bool doubt = false;
    Do([&](Connection& c) -> absl::Status {
      ASSIGN_OR_RETURN(const auto tasks, task_store::Lock(c, {payload}));
      doubt = MayHaveStarted(tasks.at(0));
      return absl::OkStatus();
    });
    return doubt;
  };
  Do([&](Connection& c) -> absl::Status {
    RETURN_IF_ERROR(ClaimDue(c, {"w"}, {}).status());
    return task_store::Reschedule(c, {payload}, {std::chrono::milliseconds(0)}, {"not reached"});
  });
  EXPECT_FALSE(in_doubt());
  Do([&](Connection& c) { return ClaimDue(c, {"w"}, {}).status(); });
  ASSERT_TRUE(Sql("UPDATE tasks SET lease_until = now() - interval '1 second'").ok());
  Do([&](Connection& c) { return lease_store::ReapExpired(c, {payload}).status(); });
  EXPECT_TRUE(in_doubt());
}

TEST_F(StorageTest, ARequestIdIsClaimedOnce) {
  Do([&](Connection& c) -> absl::Status {
    ASSIGN_OR_RETURN(const bool first, request_id_store::Claim(c, 0, "M", "id", "print"));
    EXPECT_TRUE(first);
    return request_id_store::SetResponse(c, 0, "M", "id", std::string("\0answer", 7));
  });
  Do([&](Connection& c) -> absl::Status {
    ASSIGN_OR_RETURN(const bool second, request_id_store::Claim(c, 0, "M", "id", "other"));
    EXPECT_FALSE(second);
    ASSIGN_OR_RETURN(const auto answer, request_id_store::Find(c, 0, "M", "id"));
    EXPECT_EQ(answer->fingerprint, "print");
    EXPECT_EQ(answer->response, std::string("\0answer", 7));
    return absl::OkStatus();
  });
}

TEST_F(StorageTest, StatisticsAreGatheredWhenATableHasOutgrownThem) {
  const auto outgrown = [&] {
    std::vector<std::string> tables;
    Do([&](Connection& c) -> absl::Status {
      ASSIGN_OR_RETURN(tables, FindOutgrownTables(c));
      return absl::OkStatus();
    });
    return tables;
  };
  const std::vector<std::string> both{"payloads", "tasks"};
  // Autovacuum would give the tables their size meanwhile.
  for (const std::string& table : both) {
    ASSERT_TRUE(Sql("ALTER TABLE " + table + " SET (autovacuum_enabled = off)").ok());
  }
  const int64_t instance = AddInstance("a");
  AddPayload(instance, "/x");
  EXPECT_THAT(outgrown(), IsEmpty());
  // Pages that hold rows of nobody, since a large deployment is under way or was given up, would
  // have the tables seem empty for their size.
  const absl::Status given_up = database_->Transact([&](Connection& c) -> absl::Status {
    RETURN_IF_ERROR(InsertDeployment(c, std::vector<int64_t>(5000, instance), "/x", {}).status());
    EXPECT_THAT(outgrown(), IsEmpty());
    return absl::CancelledError();
  });
  EXPECT_TRUE(absl::IsCancelled(given_up)) << given_up;
  EXPECT_THAT(outgrown(), IsEmpty());
  AddDeployment(std::vector<int64_t>(5000, instance), "/x", {});
  EXPECT_EQ(outgrown(), both);
  Do([&](Connection& c) { return GatherStatistics(c, both); });
  EXPECT_GT(std::stod(QueryValue("SELECT reltuples FROM pg_class WHERE relname = 'tasks'")), 4000);
  EXPECT_THAT(outgrown(), IsEmpty());
}

}  // namespace
}  // namespace longshore::storage
