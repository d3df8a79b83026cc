// The fixture for tests of the stores, and of what is built on them.
#ifndef LONGSHORE_STORAGE_TESTING_DATABASE_FIXTURE_H_
#define LONGSHORE_STORAGE_TESTING_DATABASE_FIXTURE_H_

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "common/sha256.h"
#include "common/status_macros.h"
#include "common/testing/postgres.h"
#include "storage/database.h"
#include "storage/instance_store.h"
#include "storage/lease_store.h"
#include "storage/migrator.h"
#include "storage/payload_store.h"
#include "storage/script_store.h"
#include "storage/task_store.h"

namespace longshore::storage {

// Returns a well-formed host key; each `seed` gives another one.
inline std::string HostKey(char seed = 'K') {
  const std::string blob = std::string("\0\0\0\x0bssh-ed25519\0\0\0 ", 19) + std::string(32, seed);
  return "ssh-ed25519 " + absl::Base64Escape(blob);
}

// Claims due tasks for `workers`, without taking turns among deployments.
inline absl::StatusOr<ClaimResult> ClaimDue(Connection& connection,
                                            const std::vector<std::string>& workers,
                                            const ClaimOptions& options) {
  ASSIGN_OR_RETURN(
      const auto flows,
      lease_store::FindDueFlows(connection, "default", static_cast<int>(workers.size()), {}));
  return lease_store::ClaimDue(connection, flows, {}, workers, options);
}

// A test suite with its own PostgreSQL. Each test gets a new database with the schema.
class DatabaseFixture : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { postgres_ = new longshore::testing::Postgres(); }
  static void TearDownTestSuite() { delete postgres_; }

  void SetUp() override {
    static int count = 0;
    url_ = postgres_->CreateDatabase("test" + std::to_string(++count));
    ASSERT_TRUE(Migrate(url_).ok());
    database_ = std::make_unique<Database>(DatabaseOptions{.url = url_});
  }

  // Returns the successful end of a task whose payload has the same id.
  TaskEnd Completed(int64_t task_id, int64_t instance_id) {
    return {.task_id = task_id,
            .payload_id = task_id,
            .instance_id = instance_id,
            .status = v1::PAYLOAD_STATUS_COMPLETED,
            .executed = true,
            .exit_code = 0,
            .run_directory = true};
  }

  // Runs `body` in a transaction that has to succeed.
  void Do(const std::function<absl::Status(Connection&)>& body) {
    const absl::Status status = database_->Transact(body);
    ASSERT_TRUE(status.ok()) << status;
  }

  absl::Status Sql(const std::string& sql) {
    return database_->Transact([&](Connection& c) { return c.ExecuteScript(sql); });
  }

  // Returns the first column of the first row, as text.
  std::string QueryValue(const std::string& sql) {
    std::string value;
    Do([&](Connection& c) -> absl::Status {
      ASSIGN_OR_RETURN(const Result result, c.Execute(sql.c_str()));
      value = std::string(result.Text(0, 0));
      return absl::OkStatus();
    });
    return value;
  }

  int64_t AddInstance(const std::string& name, const std::string& host_key = HostKey()) {
    v1::Instance instance;
    instance.set_name(name);
    instance.set_provider("registered");
    instance.set_address("host");
    instance.set_port(22);
    instance.set_ssh_user("root");
    instance.set_host_key(host_key);
    instance.set_status(v1::INSTANCE_STATUS_READY);
    int64_t id = 0;
    Do([&](Connection& c) -> absl::Status {
      ASSIGN_OR_RETURN(const auto inserted, instance_store::Insert(c, instance));
      id = inserted.id();
      return absl::OkStatus();
    });
    return id;
  }

  // Inserts one payload with its transfer task. Returns the task's id, which equals the payload's
  // in a new database.
  int64_t AddPayload(int64_t instance_id, const std::string& path, bool execute = true) {
    return AddDeployment({instance_id}, path, {}, execute)[0];
  }

  // Inserts one deployment. Returns its tasks' ids, which equal the payloads' in a new database.
  std::vector<int64_t> AddDeployment(const std::vector<int64_t>& instance_ids,
                                     const std::string& path, const RolloutLimits& rollout,
                                     bool execute = true) {
    std::vector<int64_t> task_ids;
    Do([&](Connection& c) -> absl::Status {
      ASSIGN_OR_RETURN(task_ids, InsertDeployment(c, instance_ids, path, rollout, execute));
      return absl::OkStatus();
    });
    return task_ids;
  }

  // Does the same in a transaction of the caller's.
  absl::StatusOr<std::vector<int64_t>> InsertDeployment(Connection& connection,
                                                        const std::vector<int64_t>& instance_ids,
                                                        const std::string& path,
                                                        const RolloutLimits& rollout,
                                                        bool execute = true) {
    const NewDeployment deployment{.script_sha256 = Sha256("x"),
                                   .script_bytes = 1,
                                   .execute_payload = execute,
                                   .timeout = 60,
                                   .rollout = rollout};
    const int64_t count = static_cast<int64_t>(instance_ids.size());
    RETURN_IF_ERROR(script_store::Put(connection, Sha256("x"), "x"));
    ASSIGN_OR_RETURN(const auto ids, deployment_store::Insert(connection, deployment, count));
    if (!ids.has_value()) return absl::InternalError("no script");
    NewTasks tasks{.type = v1::TASK_TYPE_PAYLOAD_TRANSFER,
                   .ids = ids->tasks,
                   .payload_ids = ids->payloads,
                   .instance_ids = instance_ids};
    tasks.remote_paths.assign(count, path);
    tasks.depends_on.resize(count);
    RETURN_IF_ERROR(payload_store::InsertBatch(connection, ids->deployment, deployment, tasks));
    return tasks.ids;
  }

  // Inserts one deployment to `size` new instances, whose ids equal the tasks' in a new database.
  std::vector<int64_t> AddFleet(int size, int max_concurrency, int max_errors) {
    return AddFleet(size, {.max_concurrency = max_concurrency, .max_errors = max_errors});
  }
  std::vector<int64_t> AddFleet(int size, const RolloutLimits& rollout) {
    std::vector<int64_t> instances;
    instances.reserve(size);
    for (int i = 0; i < size; ++i) instances.push_back(AddInstance("i" + std::to_string(i)));
    return AddDeployment(instances, "/x", rollout);
  }

  // Marks a payload EXECUTING, and sets the deadlines of `tasks`.
  void Start(int64_t payload, const std::vector<int64_t>& tasks = {}) {
    Do([&](Connection& c) {
      return task_store::StartRuns(c, {{.payload_id = payload}}, tasks, std::chrono::hours(1),
                                   std::chrono::minutes(1));
    });
  }

  // Claims up to `places` due tasks for the worker "w". Returns their ids.
  std::vector<int64_t> Claim(int places, ClaimOptions options = {}) {
    std::vector<int64_t> ids;
    Do([&](Connection& c) -> absl::Status {
      ids.clear();
      ASSIGN_OR_RETURN(const auto claimed,
                       ClaimDue(c, std::vector<std::string>(places, "w"), options));
      for (const auto& claim : claimed.claims) ids.push_back(claim.task_id);
      return absl::OkStatus();
    });
    return ids;
  }

  v1::Payload Payload(int64_t id) {
    v1::Payload payload;
    Do([&](Connection& c) -> absl::Status {
      ASSIGN_OR_RETURN(const auto stored, payload_store::Get(c, Scope::Everything(), id));
      payload = stored->payload;
      return absl::OkStatus();
    });
    return payload;
  }

  const OutputLimit limit_{100};
  static inline longshore::testing::Postgres* postgres_ = nullptr;
  std::string url_;
  std::unique_ptr<Database> database_;
};

}  // namespace longshore::storage

#endif  // LONGSHORE_STORAGE_TESTING_DATABASE_FIXTURE_H_
