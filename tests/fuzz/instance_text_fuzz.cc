// What an instance says that goes further than its own run: its host key, the path under its home,
// its error texts; and what its records make of a run.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/host_key.h"
#include "common/path_rules.h"
#include "common/utf8.h"
#include "payload_worker/run/remote_run.h"
#include "payload_worker/run/task_events.h"
#include "payload_worker/ssh/errors.h"
#include "tests/fuzz/seeds.h"

namespace longshore::fuzz {
namespace {

constexpr char kKey[] =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIK0wmN/Cr3JXqmLW7u+g9pTh+wyqDHpSQEIQczXkVx9q";
// What the server takes of an error.
constexpr size_t kMaxErrorBytes = 16384;

void CheckHostKey(const std::string& text) {
  const std::string key = NormalizedHostKey(text);
  if (key.empty()) return;
  FUZZ_CHECK(key.size() <= kMaxHostKeyBytes);
  FUZZ_CHECK(key.find_first_of(std::string_view("\r\n\0\"'", 5)) == std::string::npos);
  FUZZ_CHECK(key.find(' ') != std::string::npos && key.find(' ') == key.rfind(' '));
  FUZZ_CHECK(IsHostKey(key));
}

void CheckPath(const std::string& path) {
  if (!PathProblem(path).empty()) return;
  FUZZ_CHECK(path.size() <= kMaxRemotePathBytes && path[0] == '/' && path.back() != '/');
  FUZZ_CHECK((path + "/").find("/../") == std::string::npos);
  FUZZ_CHECK(path.find('\n') == std::string::npos && ToValidUtf8(path) == path);
}

void CheckError(const std::string& said) {
  for (const absl::Status& status : {ssh::Unreachable(said), ssh::InternalFailure(said)}) {
    const v1::TaskEvent event = run::FailedEvent(status, true);
    const std::string& error = event.has_retry() ? event.retry().error() : event.finished().error();
    FUZZ_CHECK(error.size() <= kMaxErrorBytes && ToValidUtf8(error) == error);
    for (unsigned char c : error) FUZZ_CHECK(c >= 0x20 && c != 0x7F);
  }
}

// Whatever the runner's words are, what is reported of the run is within the server's rules.
void CheckRun(const std::string& said) {
  run::RemoteRun run{.records = run::RecordReader("n"), .output = run::OutputReader("n")};
  run.assignment.set_max_output_bytes(100);
  for (const run::RunnerRecord& record : run.records.Add(said)) {
    if (record.kind == run::RunnerRecord::Kind::kRunning &&
        run::CheckOffset(run.assignment, record.offset).ok()) {
      FUZZ_CHECK(record.offset == 0);
    }
    run.Apply(record);
  }
  if (!run.end.has_value()) return;
  const v1::Finished finished =
      run::FinishedEvent(run.assignment, *run.end, {.missing = run.output_missing}).finished();
  const bool completed = finished.status() == v1::PAYLOAD_STATUS_COMPLETED;
  FUZZ_CHECK(completed == (finished.has_exit_code() && finished.exit_code() == 0));
  FUZZ_CHECK((finished.status() == v1::PAYLOAD_STATUS_FAILED) ==
             (finished.failure_reason() != v1::FAILURE_REASON_UNSPECIFIED));
  FUZZ_CHECK(finished.execution_time().seconds() >= 0 && finished.execution_time().nanos() >= 0);
}

}  // namespace

std::vector<std::string> Seeds() {
  const std::string key = kKey;
  return {key,
          key + " comment",
          key + "\nother.example " + key,
          "ssh-rsa " + key.substr(12),
          "/home/user/a.sh",
          "/home/\xff/a.sh",
          "/home/../a.sh",
          "\x1b]52;c;\x07\xc2\x9b",
          "n running 0\nn end 6 exit 0 1.00 2.00 none\n",
          "n running 9223372036854775807\nn truncated\nn lost 3 vanished\n",
          "n end 1 signal 9 1.00 1e9 cancel\nn end 0 exit 0 1.00 2.00 none\n"};
}

}  // namespace longshore::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  longshore::fuzz::CheckHostKey(text);
  longshore::fuzz::CheckPath(text);
  longshore::fuzz::CheckError(text);
  longshore::fuzz::CheckRun(text);
  return 0;
}
