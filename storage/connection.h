// RAII classes over libpq: a connection, the parameters of a statement, and its result.
#ifndef LONGSHORE_STORAGE_CONNECTION_H_
#define LONGSHORE_STORAGE_CONNECTION_H_

#include <chrono>
#include <cstdint>
#include <functional>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "storage/query.h"

struct pg_conn;
struct pg_result;

namespace longshore::storage {

class Result;

// One row of a Result, which must outlive it. Columns are read by name. A name that the statement
// does not have is a bug, which ends the program.
class Row {
 public:
  bool IsNull(std::string_view column) const;
  std::string_view Text(std::string_view column) const;
  std::string String(std::string_view column) const { return std::string(Text(column)); }
  int64_t Int(std::string_view column) const;  // 0 for NULL.
  bool Bool(std::string_view column) const;
  std::string Bytes(std::string_view column) const;                   // bytea.
  std::vector<std::string> TextArray(std::string_view column) const;  // text[] without NULLs.
  // bigint[] without NULLs; NULL is an empty one.
  std::vector<int64_t> IntArray(std::string_view column) const;

 private:
  friend class Result;
  Row(const Result& result, int row) : result_(&result), row_(row) {}

  const Result* result_;
  int row_;
};

// The rows that one statement returned.
class Result {
 public:
  explicit Result(pg_result* result);  // Takes ownership.

  class Iterator {
   public:
    using iterator_category = std::input_iterator_tag;
    using value_type = Row;
    using difference_type = int;
    Row operator*() const { return Row(*result_, row_); }
    Iterator& operator++() {
      ++row_;
      return *this;
    }
    bool operator==(const Iterator& other) const = default;

   private:
    friend class Result;
    Iterator(const Result& result, int row) : result_(&result), row_(row) {}
    const Result* result_;
    int row_;
  };
  Iterator begin() const { return Iterator(*this, 0); }
  Iterator end() const { return Iterator(*this, rows()); }
  // Returns the first row. There must be one.
  Row first() const { return *begin(); }

  const pg_result* get() const { return result_.get(); }

  int rows() const;
  // Returns how many rows an INSERT, UPDATE or DELETE changed.
  int64_t affected() const;
  bool IsNull(int row, int column) const;
  std::string_view Text(int row, int column) const;
  int64_t Int(int row, int column) const;  // 0 for NULL.
  bool Bool(int row, int column) const;
  std::string Bytes(int row, int column) const;                   // bytea.
  std::vector<std::string> TextArray(int row, int column) const;  // text[] without NULLs.
  std::vector<int64_t> IntArray(int row, int column) const;       // bigint[] without NULLs.
  // Returns the index of the column with this name. Ends the program when there is none.
  int Column(std::string_view name) const;

 private:
  struct Deleter {
    void operator()(pg_result* result) const;
  };
  std::unique_ptr<pg_result, Deleter> result_;
};

// The values of a query's parameters, by name and in any order. Bytes are sent in binary,
// everything else as text. Names are not copied, so they should be literals.
class Params {
 public:
  Params& Int(std::string_view name, int64_t value);
  Params& Bool(std::string_view name, bool value);
  Params& Text(std::string_view name, std::string_view value);
  Params& Bytes(std::string_view name, std::string_view value);
  Params& Ints(std::string_view name, const std::vector<int64_t>& values);            // bigint[]
  Params& Bools(std::string_view name, const std::vector<bool>& values);              // boolean[]
  Params& Texts(std::string_view name, const std::vector<std::string>& values);       // text[]
  Params& BytesArray(std::string_view name, const std::vector<std::string>& values);  // bytea[]
  Params& OptionalInts(std::string_view name,
                       const std::vector<std::optional<int64_t>>& values);  // bigint[], integer[]

  // Returns how many bytes they take in a request, about.
  size_t bytes() const;

 private:
  friend class Connection;
  struct Value {
    std::string_view name;
    std::string data;
    bool is_binary = false;
  };
  std::vector<Value> values_;
};

// A statement and its parameters.
struct Statement {
  const Query& query;
  Params params{};
};

// One connection to PostgreSQL. Not thread-safe; Database lends it to one thread at a time.
//
// Errors: Unavailable (the connection broke, the server shuts down or is read-only, its disk is
// full), Aborted (deadlock, serialization failure, lock or statement timeout: repeat the
// transaction), AlreadyExists (unique violation), Internal (anything else).
class Connection {
 public:
  // Longer than any statement may take (statement_timeout is 60 s). A server that has not answered
  // by then is frozen or cut off. Statements that are sent together have as long for all of them;
  // what becomes of those that take longer is not known.
  static constexpr std::chrono::seconds kAnswerLimit{75};
  // Connects to `url` (a libpq connection string), waiting for a few seconds at most. From then on
  // an answer that does not come within `answer_limit` breaks the connection.
  static absl::StatusOr<std::unique_ptr<Connection>> Open(
      const std::string& url, std::chrono::seconds answer_limit = kAnswerLimit);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Runs one statement without parameters. For statements that run once, in tests for example.
  absl::StatusOr<Result> Execute(const char* sql);
  // Runs a statement of a .sql file, which is prepared at its first use on this connection.
  // `params` must have a value for each of its parameters and no other; a mismatch ends the
  // program. One that is planned each time costs two more round trips.
  absl::StatusOr<Result> Execute(const Query& query, const Params& params = {});
  // Runs a script of several statements, without parameters.
  absl::Status ExecuteScript(const std::string& sql);
  // Runs statements one after the other, in one transaction where none has begun. All are sent at
  // once, one round trip and no BEGIN and COMMIT, unless they have more than some kilobytes of
  // parameters. Returns a result for each, or the first error; what came before it is undone. None
  // may be planned each time.
  absl::StatusOr<std::vector<Result>> ExecuteTogether(const std::vector<Statement>& statements);

  // Has `tell` run once the transaction that the connection is in is committed; it is forgotten
  // when that is rolled back, or its commit stays in doubt. `tell` does not use the connection.
  void AfterCommit(std::function<void()> tell) { after_commit_.push_back(std::move(tell)); }
  // Takes what was said to AfterCommit. For Database, which runs transactions.
  std::vector<std::function<void()>> TakeAfterCommit() { return std::exchange(after_commit_, {}); }

  // Returns false once the connection is broken for good.
  bool healthy() const;
  // Looks whether the server has ended the connection while nothing was asked of it.
  bool IsStale();

  // Returns the id of the server's process that serves this connection.
  int pid() const;

  // A notification of a channel that this connection LISTENs to.
  struct Notification {
    std::string channel;
    std::string payload;
  };
  // Waits until a notification comes or `wake_fd` becomes readable. Returns the notifications that
  // have come, which may be none.
  absl::StatusOr<std::vector<Notification>> WaitForNotifications(int wake_fd);

 private:
  Connection(pg_conn* connection, std::chrono::seconds answer_limit);
  absl::StatusOr<Result> ExecutePrepared(const Query& query, const Params& params);
  // The two ways of ExecuteTogether.
  absl::StatusOr<std::vector<Result>> SendTogether(const std::vector<Statement>& statements);
  absl::StatusOr<std::vector<Result>> ExecuteInTurn(const std::vector<Statement>& statements);
  // Sends a statement that was prepared as `name`. Returns whether that succeeded.
  bool Send(const std::string& name, const Query& query, const Params& params);
  // Reads what comes of statements that were sent in pipeline mode, and leaves that mode.
  absl::StatusOr<std::vector<Result>> AnswerTogether(size_t statements);
  absl::Status Check(const pg_result* result) const;
  // Prepares a statement unless this connection has prepared it already. Returns its name.
  absl::StatusOr<std::string> Prepare(const char* sql);
  // Reads the complete answer to what was sent; `sent` says whether sending succeeded. An answer
  // that does not come in time breaks the connection.
  absl::StatusOr<Result> Answer(bool sent);
  // Reads the next result, which is null between the answers to two statements.
  absl::StatusOr<Result> NextResult();
  // Sends the rest of the request and waits until a result or an error can be read. Returns false
  // when neither comes in time.
  bool AwaitAnswer();

  struct Deleter {
    void operator()(pg_conn* connection) const;
  };
  std::unique_ptr<pg_conn, Deleter> connection_;
  const std::chrono::seconds answer_limit_;
  std::map<std::string, std::string, std::less<>>
      prepared_;  // From texts of statements to their names.
  std::vector<std::function<void()>> after_commit_;
};

}  // namespace longshore::storage

#endif  // LONGSHORE_STORAGE_CONNECTION_H_
