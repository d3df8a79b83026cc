// Reads what the remote runner says, or what an instance says in its place: control records on
// standard error, the marker before the output on standard output. Bytes from outside: see the fuzz
// target. The nonce keeps the script's words apart from the runner's; from the instance itself it
// is no secret, so every number and text is bounded here, and checked by whoever uses it against
// what this run can have.
#ifndef LONGSHORE_PAYLOAD_WORKER_RUN_RUNNER_RECORDS_H_
#define LONGSHORE_PAYLOAD_WORKER_RUN_RUNNER_RECORDS_H_

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace longshore::run {

struct RunnerRecord {
  enum class Kind {
    kReady,       // The script is there or uploaded, and has not been started; waits for "go".
    kNeedScript,  // The script is missing or another one.
    kLate,        // "go" came too late, or somebody else is starting the run.
    kPlaced,      // The script is complete at remote_path.
    kNotPlaced,   // It could not be renamed; `text` says why.
    kRunning,     // Output follows from `offset`.
    kAbsent,      // There is no run.
    kEnd,         // The run is over: `output_size`, `outcome`, `code`, `duration`, `cause`.
    kLost,        // The run is over and left no result: `output_size`, `text` says why.
    kAlive,       // The answer to "ping".
    kTruncated,  // The output was cut short on the instance: something that was printed is missing.
    kCleaned,
    kError,      // `text` says what.
    kMalformed,  // It begins with the nonce and is no record: `text` is what it says.
  };
  enum class Outcome { kExit, kSignal, kUnknown };
  enum class Cause { kNone, kTimeout, kCancel };

  Kind kind;
  int64_t offset = 0;
  int64_t output_size = 0;
  Outcome outcome = Outcome::kUnknown;
  int code = 0;
  std::chrono::milliseconds duration{0};
  Cause cause = Cause::kNone;
  std::string text;
};

// The word that a record of the kind begins with; empty for kMalformed.
std::string_view RecordWord(RunnerRecord::Kind kind);

// One record without its nonce; nullopt when it is not well-formed.
std::optional<RunnerRecord> ParseRunnerRecord(std::string_view line);

// Collects lines; keeps those that do not begin with the nonce, shortened, for diagnosis. One that
// does and is no record is kMalformed: the runner says no such thing.
class RecordReader {
 public:
  explicit RecordReader(std::string nonce);
  // Takes more of standard error; returns the records that are complete now.
  std::vector<RunnerRecord> Add(std::string_view bytes);
  // The last of what a login shell or the system said instead of a record.
  const std::string& noise() const { return noise_; }

 private:
  std::string prefix_;
  std::string line_;
  std::string noise_;
};

// Drops what a login shell printed before the runner's marker line.
class OutputReader {
 public:
  explicit OutputReader(std::string nonce);
  // Takes more of standard output; returns what of it the script printed.
  std::string_view Add(std::string_view bytes);

 private:
  std::string marker_;
  std::string before_;  // The current line, until the marker has come.
  bool found_ = false;
};

}  // namespace longshore::run

#endif  // LONGSHORE_PAYLOAD_WORKER_RUN_RUNNER_RECORDS_H_
