// RAII over libpq: one connection, its parameters and its results.
#ifndef LONGSHORE_STORAGE_CONNECTION_H_
#define LONGSHORE_STORAGE_CONNECTION_H_

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

struct pg_conn;
struct pg_result;

namespace longshore::storage {

// The rows of one statement.
class Result {
 public:
  explicit Result(pg_result* result);  // Takes ownership.

  const pg_result* get() const { return result_.get(); }

  int rows() const;
  // Rows that an INSERT, UPDATE or DELETE touched.
  int64_t affected() const;
  bool IsNull(int row, int column) const;
  std::string_view Text(int row, int column) const;
  int64_t Int(int row, int column) const;  // 0 for NULL.
  double Double(int row, int column) const;
  bool Bool(int row, int column) const;
  std::string Bytes(int row, int column) const;                   // bytea.
  std::vector<std::string> TextArray(int row, int column) const;  // text[] without NULLs.

 private:
  struct Deleter {
    void operator()(pg_result* result) const;
  };
  std::unique_ptr<pg_result, Deleter> result_;
};

// Bound parameters, $1 first. Numbers and text travel as text; Bytes as binary.
class Params {
 public:
  Params& Int(int64_t value);
  Params& Double(double value);
  Params& Bool(bool value);
  Params& Text(std::string_view value);
  Params& Bytes(std::string_view value);
  Params& Null();
  Params& Ints(const std::vector<int64_t>& values);            // bigint[] or integer[]
  Params& Bools(const std::vector<bool>& values);              // boolean[]
  Params& Texts(const std::vector<std::string>& values);       // text[]
  Params& BytesArray(const std::vector<std::string>& values);  // bytea[]
  Params& OptionalInts(const std::vector<std::optional<int64_t>>& values);

 private:
  friend class Connection;
  struct Value {
    std::string data;
    bool is_null = false;
    bool is_binary = false;
  };
  std::vector<Value> values_;
};

// One connection to PostgreSQL. Not thread-safe; a thread holds it through a ConnectionPool::Lease.
//
// Errors are absl::Status: Unavailable (connection, server going down, disk full), Aborted
// (deadlock, serialization, lock or statement timeout: repeat the transaction), AlreadyExists
// (unique violation), Internal (all else).
class Connection {
 public:
  // Longer than any statement may take (statement_timeout is 60 s): who has not answered by then is
  // frozen, or something on the way swallows what it says.
  static constexpr std::chrono::seconds kAnswerLimit{75};
  // Connects to `url` (a libpq connection string), waiting at most a few seconds. An answer that
  // does not come within `answer_limit` breaks the connection.
  static absl::StatusOr<std::unique_ptr<Connection>> Open(
      const std::string& url, std::chrono::seconds answer_limit = kAnswerLimit);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Runs one statement, prepared at its first use on this connection and kept: for texts that are
  // few and fixed.
  absl::StatusOr<Result> Execute(const char* sql, const Params& params = {});
  // Runs a script of several statements, without parameters.
  absl::Status ExecuteScript(const std::string& sql);

  // False once the connection is broken for good.
  bool healthy() const;

  // LISTEN/NOTIFY. Waits for a notification or for `wake_fd` to become readable, whichever is
  // first.
  struct Notification {
    std::string channel;
    std::string payload;
  };
  absl::StatusOr<std::vector<Notification>> WaitForNotifications(int wake_fd);

 private:
  Connection(pg_conn* connection, std::chrono::seconds answer_limit);
  absl::Status Check(const pg_result* result) const;
  // What the server says to what was sent, all of it. An answer that does not come in time breaks
  // the connection.
  absl::StatusOr<Result> Answer(bool sent);
  // Sends what is left and waits until a result is there, or an error; false when neither comes in
  // time.
  bool AwaitAnswer();

  struct Deleter {
    void operator()(pg_conn* connection) const;
  };
  std::unique_ptr<pg_conn, Deleter> connection_;
  const std::chrono::seconds answer_limit_;
  std::map<std::string, std::string, std::less<>> prepared_;  // Names, by text.
};

}  // namespace longshore::storage

#endif  // LONGSHORE_STORAGE_CONNECTION_H_
