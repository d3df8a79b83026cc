// Reads what Ansible's callback plugin (ansible/callback_plugins/longshore.py) writes: one record a
// line, in JSON.
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

// Turns bytes, however they are cut, into records. Not thread-safe. Lines that are not a record are
// left out. Memory is bounded.
class RecordLines {
 public:
  // Takes more bytes. Returns the records that are complete now.
  std::vector<Record> Add(std::string_view bytes);

 private:
  std::string line_;
  bool overlong_ = false;  // The line is too long: its beginning has been dropped.
};

}  // namespace longshore::provision

#endif  // LONGSHORE_PAYLOAD_WORKER_PROVISION_RECORDS_H_
