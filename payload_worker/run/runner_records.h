// Reads what the remote runner says: control records on its standard error, and a marker before the
// output on its standard output. The nonce keeps the runner's words apart from the script's. It
// does not protect from an instance that lies, so every number and text is bounded here, and who
// uses it checks it against what this run can have. There is a fuzz target for this code.
#ifndef LONGSHORE_PAYLOAD_WORKER_RUN_RUNNER_RECORDS_H_
#define LONGSHORE_PAYLOAD_WORKER_RUN_RUNNER_RECORDS_H_

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace longshore::run {

// One control record. Which fields are set depends on the kind.
struct RunnerRecord {
  enum class Kind {
    kReady,       // The script is there and has not been started; the runner waits for "go".
    kNeedScript,  // The script is missing or another one.
    kLate,        // "go" came too late, or somebody else is starting the run.
    kPlaced,      // The script is complete at remote_path.
    kNotPlaced,   // It could not be renamed; `text` says why.
    kRefused,     // remote_path is no place for a script; `text` says why.
    kRunning,     // There is a run; its output follows from `offset`.
    kAbsent,      // There is no run.
    kEnd,         // The run is over: `output_size`, `outcome`, `code`, `duration`, `cause`.
    kLost,        // The run is over without a result: `output_size`; `text` says why.
    kAlive,       // The answer to "ping".
    kTruncated,   // Some of what was printed was cut out of the output on the instance.
    kCleaned,     // The run directory is gone.
    kError,       // `text` says what went wrong.
    kMalformed,   // A line with the nonce that is not a record: `text` is that line.
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

// Returns the word that records of this kind begin with; empty for kMalformed.
std::string_view RecordWord(RunnerRecord::Kind kind);

// Parses a record without its nonce. Returns nullopt when it is not well-formed.
std::optional<RunnerRecord> ParseRunnerRecord(std::string_view line);

// Reads records from standard error. The last line without the nonce is kept, shortened, for
// diagnosis. A line with the nonce that is not a record becomes kMalformed, because the runner
// never says such a thing.
class RecordReader {
 public:
  explicit RecordReader(std::string nonce);
  // Takes more of standard error. Returns the records that are complete now.
  std::vector<RunnerRecord> Add(std::string_view bytes);
  // Returns the last line that was not a record, from a login shell for example.
  const std::string& noise() const { return noise_; }

 private:
  std::string prefix_;
  std::string line_;
  std::string noise_;
};

// Reads the script's output from standard output, without what a login shell printed before the
// runner's marker line.
class OutputReader {
 public:
  explicit OutputReader(std::string nonce);
  // Takes more of standard output. Returns the part that the script printed.
  std::string_view Add(std::string_view bytes);

 private:
  std::string marker_;
  std::string before_;  // The current line, until the marker has come.
  bool found_ = false;
};

}  // namespace longshore::run

#endif  // LONGSHORE_PAYLOAD_WORKER_RUN_RUNNER_RECORDS_H_
