#include "storage/connection.h"

#include <glog/logging.h>
#include <poll.h>
#include <postgresql/libpq-fe.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstring>

#include "common/sha256.h"
#include "common/status_macros.h"

namespace longshore::storage {
namespace {

// Bounds for a server that went silent: give up on connecting after 5 s, on an unacknowledged
// packet after 15 s, and on an answer after answer_limit. Statements and locks have limits of their
// own so that one stuck session cannot hold up everything.
constexpr const char* kKeywords[] = {"dbname",
                                     "connect_timeout",
                                     "tcp_user_timeout",
                                     "keepalives_idle",
                                     "keepalives_interval",
                                     "keepalives_count",
                                     "application_name",
                                     "options",
                                     nullptr};
constexpr const char* kSettings =
    "-c statement_timeout=60s -c lock_timeout=20s -c idle_in_transaction_session_timeout=60s "
    "-c client_min_messages=warning -c synchronous_commit=on "
    // The server finds out too, within as long, that nobody is there: one that waits for the rest
    // of what is sent together has no other limit, and may hold locks.
    "-c tcp_user_timeout=15000 -c tcp_keepalives_idle=10 -c tcp_keepalives_interval=5 "
    "-c tcp_keepalives_count=3 "
    // Every statement is short. To compile one takes 9 ms, and to plan one anew for each of its
    // executions up to 7 ms: more than all that a payload costs otherwise.
    "-c jit=off -c plan_cache_mode=force_generic_plan "
    // Nor is any worth processes of its own, and several would do the work of those that are cut
    // short.
    "-c max_parallel_workers_per_gather=0 "
    // For the trigger tasks_guard: this program names runs by their ids.
    "-c longshore.runs_have_ids=on";

// libpq hands to the kernel what it has gathered once that is 8 KiB. What is less goes in one
// piece: this program may be stopped before or after it, but not in the middle, where the server
// would wait for the rest with locks held.
constexpr size_t kMaxBytesTogether = 8000;
constexpr size_t kBytesOfLengths = 8;    // Of a parameter: its length and format.
constexpr size_t kBytesOfMessage = 128;  // Of a statement: to bind, describe and execute it.

int64_t ParseInt(std::string_view text) {
  int64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

absl::StatusCode CodeForSqlState(std::string_view state) {
  const std::string_view state_class = state.substr(0, 2);
  if (state.empty() || state_class == "08" || state_class == "53" || state_class == "58" ||
      state == "57P01" || state == "57P02" || state == "57P03" || state == "25006") {
    return absl::StatusCode::kUnavailable;
  }
  if (state_class == "40" || state == "55P03" || state == "57014" || state == "25P03") {
    return absl::StatusCode::kAborted;
  }
  if (state == "23505") return absl::StatusCode::kAlreadyExists;
  return absl::StatusCode::kInternal;
}

// On one line: what libpq says of a broken connection has several.
std::string OneLine(std::string text) {
  std::replace_if(
      text.begin(), text.end(), [](char c) { return c == '\n' || c == '\t'; }, ' ');
  while (!text.empty() && text.back() == ' ') text.pop_back();
  return text;
}

// What the server says unasked, for example that an administrator ends the connection. libpq would
// print it on standard error as it is.
void LogNotice(void* /*arg*/, const char* message) {
  LOG(WARNING) << "the database says: " << OneLine(message);
}

// Writes {a,b,c}; `append` writes element i.
template <typename Values, typename Append>
std::string ArrayText(const Values& values, Append append) {
  std::string text = "{";
  for (size_t i = 0; i < values.size(); ++i) {
    if (i > 0) text.push_back(',');
    append(text, values[i]);
  }
  text.push_back('}');
  return text;
}

void AppendQuoted(std::string& text, std::string_view value) {
  text.push_back('"');
  for (char c : value) {
    if (c == '"' || c == '\\') text.push_back('\\');
    text.push_back(c);
  }
  text.push_back('"');
}

}  // namespace

Result::Result(pg_result* result) : result_(result) {}

void Result::Deleter::operator()(pg_result* result) const { PQclear(result); }

int Result::rows() const { return PQntuples(result_.get()); }

int64_t Result::affected() const { return ParseInt(PQcmdTuples(result_.get())); }

bool Result::IsNull(int row, int column) const {
  return PQgetisnull(result_.get(), row, column) != 0;
}

std::string_view Result::Text(int row, int column) const {
  return {PQgetvalue(result_.get(), row, column),
          static_cast<size_t>(PQgetlength(result_.get(), row, column))};
}

int64_t Result::Int(int row, int column) const { return ParseInt(Text(row, column)); }

bool Result::Bool(int row, int column) const { return Text(row, column) == "t"; }

std::string Result::Bytes(int row, int column) const {
  std::string_view text = Text(row, column);
  return text.size() < 2 ? "" : HexDecode(text.substr(2));  // After "\x".
}

std::vector<std::string> Result::TextArray(int row, int column) const {
  std::vector<std::string> values;
  const std::string_view text = Text(row, column);
  size_t i = 1;  // After '{'.
  while (i < text.size() && text[i] != '}') {
    std::string value;
    if (text[i] == '"') {
      for (++i; i < text.size() && text[i] != '"'; ++i) {
        if (text[i] == '\\') ++i;
        value.push_back(text[i]);
      }
      ++i;
    } else {
      for (; i < text.size() && text[i] != ',' && text[i] != '}'; ++i) value.push_back(text[i]);
    }
    values.push_back(std::move(value));
    if (i < text.size() && text[i] == ',') ++i;
  }
  return values;
}

std::vector<int64_t> Result::IntArray(int row, int column) const {
  std::vector<int64_t> values;
  std::string_view text = Text(row, column);
  while (text.size() > 1 && text != "{}") {  // A number after '{' or ','.
    text.remove_prefix(1);
    values.push_back(ParseInt(text));
    text.remove_prefix(std::min(text.find_first_of(",}"), text.size()));
  }
  return values;
}

int Result::Column(std::string_view name) const {
  const int columns = PQnfields(result_.get());
  for (int column = 0; column < columns; ++column) {
    if (name == PQfname(result_.get(), column)) return column;
  }
  LOG(FATAL) << "the statement gives no column " << name;
}

bool Row::IsNull(std::string_view column) const {
  return result_->IsNull(row_, result_->Column(column));
}

std::string_view Row::Text(std::string_view column) const {
  return result_->Text(row_, result_->Column(column));
}

int64_t Row::Int(std::string_view column) const {
  return result_->Int(row_, result_->Column(column));
}

bool Row::Bool(std::string_view column) const {
  return result_->Bool(row_, result_->Column(column));
}

std::string Row::Bytes(std::string_view column) const {
  return result_->Bytes(row_, result_->Column(column));
}

std::vector<std::string> Row::TextArray(std::string_view column) const {
  return result_->TextArray(row_, result_->Column(column));
}

std::vector<int64_t> Row::IntArray(std::string_view column) const {
  return result_->IntArray(row_, result_->Column(column));
}

Params& Params::Int(std::string_view name, int64_t value) {
  return Text(name, std::to_string(value));
}

Params& Params::Bool(std::string_view name, bool value) { return Text(name, value ? "t" : "f"); }

Params& Params::Text(std::string_view name, std::string_view value) {
  values_.push_back({.name = name, .data = std::string(value)});
  return *this;
}

Params& Params::Bytes(std::string_view name, std::string_view value) {
  values_.push_back({.name = name, .data = std::string(value), .is_binary = true});
  return *this;
}

Params& Params::Ints(std::string_view name, const std::vector<int64_t>& values) {
  return Text(name,
              ArrayText(values, [](std::string& text, int64_t v) { text += std::to_string(v); }));
}

Params& Params::Bools(std::string_view name, const std::vector<bool>& values) {
  return Text(name,
              ArrayText(values, [](std::string& text, bool v) { text.push_back(v ? 't' : 'f'); }));
}

Params& Params::Texts(std::string_view name, const std::vector<std::string>& values) {
  return Text(name, ArrayText(values, AppendQuoted));
}

Params& Params::BytesArray(std::string_view name, const std::vector<std::string>& values) {
  return Text(name, ArrayText(values, [](std::string& text, const std::string& v) {
                text += "\"\\\\x" + HexEncode(v) + "\"";
              }));
}

Params& Params::OptionalInts(std::string_view name,
                             const std::vector<std::optional<int64_t>>& values) {
  return Text(name, ArrayText(values, [](std::string& text, const std::optional<int64_t>& v) {
                text += v.has_value() ? std::to_string(*v) : "NULL";
              }));
}

Connection::Connection(pg_conn* connection, std::chrono::seconds answer_limit)
    : connection_(connection), answer_limit_(answer_limit) {
  PQsetNoticeProcessor(connection_.get(), LogNotice, /*arg=*/nullptr);
}

Connection::~Connection() = default;

void Connection::Deleter::operator()(pg_conn* connection) const { PQfinish(connection); }

absl::StatusOr<std::unique_ptr<Connection>> Connection::Open(const std::string& url,
                                                             std::chrono::seconds answer_limit) {
  const char* values[] = {url.c_str(), "5",         "15000",   "10",   "5",
                          "3",         "longshore", kSettings, nullptr};
  auto connection = std::unique_ptr<Connection>(
      new Connection(PQconnectdbParams(kKeywords, values, /*expand_dbname=*/1), answer_limit));
  if (!connection->healthy() || PQsetnonblocking(connection->connection_.get(), 1) != 0) {
    return absl::UnavailableError("cannot connect to the database: " +
                                  OneLine(PQerrorMessage(connection->connection_.get())));
  }
  return connection;
}

bool Connection::AwaitAnswer() {
  pg_conn* connection = connection_.get();
  const auto deadline = std::chrono::steady_clock::now() + answer_limit_;
  while (true) {
    const int unsent = PQflush(connection);
    // What is wrong shows in the result.
    if (unsent < 0 || PQconsumeInput(connection) == 0) return true;
    if (unsent == 0 && PQisBusy(connection) == 0) return true;
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        deadline - std::chrono::steady_clock::now());
    if (left.count() <= 0) return false;
    const int events = unsent > 0 ? POLLIN | POLLOUT : POLLIN;
    pollfd fd = {.fd = PQsocket(connection),
                 .events = static_cast<decltype(pollfd::events)>(events)};
    if (poll(&fd, 1, static_cast<int>(left.count())) < 0 && errno != EINTR) return true;
  }
}

absl::StatusOr<Result> Connection::NextResult() {
  if (AwaitAnswer()) return Result(PQgetResult(connection_.get()));
  connection_.reset();  // Its answer may come later, to nobody.
  return absl::UnavailableError("database: no answer in " + std::to_string(answer_limit_.count()) +
                                " s");
}

absl::StatusOr<Result> Connection::Answer(bool sent) {
  Result last(nullptr);
  while (sent) {
    ASSIGN_OR_RETURN(Result next, NextResult());
    if (next.get() == nullptr) break;
    const bool failed = last.get() != nullptr && !Check(last.get()).ok();
    if (!failed) last = std::move(next);  // The first failure counts, or else the last statement.
  }
  RETURN_IF_ERROR(Check(last.get()));
  return last;
}

bool Connection::healthy() const { return PQstatus(connection_.get()) == CONNECTION_OK; }

int Connection::pid() const { return PQbackendPID(connection_.get()); }

bool Connection::IsStale() {
  pollfd fd = {.fd = PQsocket(connection_.get()), .events = POLLIN};
  // Nothing comes unasked but notices, and the end.
  while (healthy() && poll(&fd, 1, 0) > 0) PQconsumeInput(connection_.get());
  return !healthy();
}

absl::Status Connection::Check(const pg_result* result) const {
  const ExecStatusType status = PQresultStatus(result);
  if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK) return absl::OkStatus();
  const char* state = result == nullptr ? nullptr : PQresultErrorField(result, PG_DIAG_SQLSTATE);
  const char* message =
      result == nullptr ? nullptr : PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
  const absl::StatusCode code =
      healthy() ? CodeForSqlState(state == nullptr ? "" : state) : absl::StatusCode::kUnavailable;
  return absl::Status(
      code,
      "database: " + OneLine(message != nullptr ? message : PQerrorMessage(connection_.get())));
}

absl::StatusOr<std::string> Connection::Prepare(const char* sql) {
  auto prepared = prepared_.find(sql);
  if (prepared == prepared_.end()) {
    const std::string name = "s" + std::to_string(prepared_.size());
    RETURN_IF_ERROR(
        Answer(PQsendPrepare(connection_.get(), name.c_str(), sql, 0, nullptr) != 0).status());
    prepared = prepared_.emplace(sql, name).first;
  }
  return prepared->second;
}

absl::StatusOr<Result> Connection::Execute(const char* sql) {
  return Answer(PQsendQueryParams(connection_.get(), sql, 0, nullptr, nullptr, nullptr, nullptr,
                                  /*resultFormat=*/0) != 0);
}

absl::StatusOr<Result> Connection::Execute(const Query& query, const Params& params) {
  if (!query.planned_each_time) return ExecutePrepared(query, params);
  RETURN_IF_ERROR(ExecuteScript("SET plan_cache_mode = force_custom_plan"));
  absl::StatusOr<Result> result = ExecutePrepared(query, params);
  // Where the statement has failed within a transaction, the rollback does the same.
  const absl::Status reset = ExecuteScript("RESET plan_cache_mode");
  if (result.ok()) RETURN_IF_ERROR(reset);
  return result;
}

bool Connection::Send(const std::string& name, const Query& query, const Params& params) {
  std::vector<const char*> values;
  std::vector<int> lengths;
  std::vector<int> formats;
  for (const std::string_view parameter : query.parameters) {
    if (parameter.empty()) break;
    const auto value = std::find_if(params.values_.begin(), params.values_.end(),
                                    [&](const Params::Value& v) { return v.name == parameter; });
    CHECK(value != params.values_.end()) << query.name << ": no value for " << parameter;
    values.push_back(value->data.c_str());
    lengths.push_back(static_cast<int>(value->data.size()));
    formats.push_back(value->is_binary ? 1 : 0);
  }
  CHECK_EQ(values.size(), params.values_.size()) << query.name << ": a value for no parameter";
  return PQsendQueryPrepared(connection_.get(), name.c_str(), static_cast<int>(values.size()),
                             values.data(), lengths.data(), formats.data(),
                             /*resultFormat=*/0) != 0;
}

absl::StatusOr<Result> Connection::ExecutePrepared(const Query& query, const Params& params) {
  ASSIGN_OR_RETURN(const std::string name, Prepare(query.text));
  return Answer(Send(name, query, params));
}

size_t Params::bytes() const {
  size_t bytes = 0;
  for (const Value& value : values_) bytes += value.data.size() + kBytesOfLengths;
  return bytes;
}

absl::StatusOr<std::vector<Result>> Connection::ExecuteTogether(
    const std::vector<Statement>& statements) {
  size_t bytes = kBytesOfMessage;
  for (const Statement& statement : statements) {
    CHECK(!statement.query.planned_each_time) << statement.query.name;
    bytes += kBytesOfMessage + statement.params.bytes();
  }
  return bytes <= kMaxBytesTogether ? SendTogether(statements) : ExecuteInTurn(statements);
}

absl::StatusOr<std::vector<Result>> Connection::ExecuteInTurn(
    const std::vector<Statement>& statements) {
  const bool begins = PQtransactionStatus(connection_.get()) == PQTRANS_IDLE;
  if (begins) RETURN_IF_ERROR(ExecuteScript("BEGIN"));
  std::vector<Result> results;
  for (const Statement& statement : statements) {
    absl::StatusOr<Result> result = ExecutePrepared(statement.query, statement.params);
    if (!result.ok()) {
      if (begins && healthy()) ExecuteScript("ROLLBACK").IgnoreError();
      return result.status();
    }
    results.push_back(*std::move(result));
  }
  if (begins) RETURN_IF_ERROR(ExecuteScript("COMMIT"));
  return results;
}

absl::StatusOr<std::vector<Result>> Connection::SendTogether(
    const std::vector<Statement>& statements) {
  std::vector<std::string> names;
  for (const Statement& statement : statements) {
    ASSIGN_OR_RETURN(names.emplace_back(), Prepare(statement.query.text));
  }
  bool sent = PQenterPipelineMode(connection_.get()) != 0;
  for (size_t i = 0; i < statements.size(); ++i) {
    sent = sent && Send(names[i], statements[i].query, statements[i].params);
  }
  if (sent && PQpipelineSync(connection_.get()) != 0) return AnswerTogether(statements.size());
  const std::string problem = OneLine(PQerrorMessage(connection_.get()));
  connection_.reset();  // What has been sent may not be answered.
  return absl::UnavailableError("database: " + problem);
}

absl::StatusOr<std::vector<Result>> Connection::AnswerTogether(size_t statements) {
  std::vector<Result> results;
  absl::Status first_error;
  for (size_t i = 0; i < statements; ++i) {
    absl::StatusOr<Result> result = Answer(/*sent=*/true);
    if (!healthy()) {
      return result.ok() ? absl::UnavailableError("database: the connection ended")
                         : result.status();
    }
    if (result.ok()) {
      results.push_back(*std::move(result));
    } else if (first_error.ok()) {
      first_error = result.status();  // Those behind it are not executed.
    }
  }
  // Only now has it all taken effect.
  ASSIGN_OR_RETURN(const Result end, NextResult());
  if (PQresultStatus(end.get()) != PGRES_PIPELINE_SYNC ||
      PQexitPipelineMode(connection_.get()) == 0) {
    absl::Status status = Check(end.get());
    connection_.reset();
    return absl::UnavailableError(status.message());
  }
  if (!first_error.ok()) return first_error;
  return results;
}

absl::Status Connection::ExecuteScript(const std::string& sql) {
  return Answer(PQsendQuery(connection_.get(), sql.c_str()) != 0).status();
}

absl::StatusOr<std::vector<Connection::Notification>> Connection::WaitForNotifications(
    int wake_fd) {
  pollfd fds[] = {{.fd = PQsocket(connection_.get()), .events = POLLIN},
                  {.fd = wake_fd, .events = POLLIN}};
  if (poll(fds, 2, -1) < 0 && errno != EINTR) {
    return absl::InternalError(std::string("poll: ") + std::strerror(errno));
  }
  if (PQconsumeInput(connection_.get()) == 0) {
    return absl::UnavailableError(OneLine(PQerrorMessage(connection_.get())));
  }
  std::vector<Notification> notifications;
  while (PGnotify* notify = PQnotifies(connection_.get())) {
    notifications.push_back({notify->relname, notify->extra});
    PQfreemem(notify);
  }
  return notifications;
}

}  // namespace longshore::storage
