// What the callback plugin (ansible/callback_plugins/longshore.py) writes: a line of JSON a record.
#ifndef LONGSHORE_PAYLOAD_WORKER_PROVISION_RECORDS_H_
#define LONGSHORE_PAYLOAD_WORKER_PROVISION_RECORDS_H_

#include <string>
#include <string_view>
#include <vector>

namespace longshore::provision {

struct Record {
  enum class Kind { kTask, kReady, kEnd };
  Kind kind = Kind::kTask;
  std::string host;
  std::string task;
  std::string status;  // Of a task: ok, changed, failed, unreachable.
  std::string message;
  bool ready = false;  // Of kEnd.
};

// Bytes in, records out, however they are cut. Not thread-safe. Lines that are not a record are
// left out; memory is bounded.
class RecordLines {
 public:
  std::vector<Record> Add(std::string_view bytes);

 private:
  std::string line_;
  bool overlong_ = false;  // The line's beginning has been dropped.
};

}  // namespace longshore::provision

#endif  // LONGSHORE_PAYLOAD_WORKER_PROVISION_RECORDS_H_
