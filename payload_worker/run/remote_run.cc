#include "payload_worker/run/remote_run.h"

#include "common/output_limit.h"
#include "payload_worker/ssh/errors.h"

namespace longshore::run {

void RemoteRun::Apply(const RunnerRecord& record) {
  if (record.kind == RunnerRecord::Kind::kTruncated) {
    output_missing = true;
  } else if (record.kind == RunnerRecord::Kind::kMalformed) {
    if (violation.empty()) violation = "a record '" + record.text + "'";
  } else if ((record.kind == RunnerRecord::Kind::kEnd ||
              record.kind == RunnerRecord::Kind::kLost) &&
             !end.has_value()) {
    end = record;
  }
}

absl::Status ProtocolViolation(const std::string& what) {
  return ssh::InternalFailure("what the instance says of the run cannot be: " + what);
}

absl::Status CheckOffset(const v1::Assignment& assignment, int64_t offset) {
  const int64_t asked = assignment.output_offset();
  // What is beyond the head and will not be kept may be left out.
  if (offset == asked ||
      (asked >= OutputLimit(assignment.max_output_bytes()).head && offset > asked)) {
    return absl::OkStatus();
  }
  return ProtocolViolation("output from byte " + std::to_string(offset) +
                           " on, asked for was byte " + std::to_string(asked));
}

}  // namespace longshore::run
