// The results of claims: what was claimed, for which worker, and all that the worker needs to know
// about it.
#ifndef LONGSHORE_STORAGE_CLAIMS_H_
#define LONGSHORE_STORAGE_CLAIMS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "longshore/v1/instance.pb.h"
#include "storage/connection.h"

namespace longshore::storage {

// Where an instance is reached, and its pinned host key.
struct Target {
  int64_t instance_id = 0;
  std::string address;
  int port = 0;
  std::string ssh_user;
  std::string host_key;  // "TYPE BASE64"; empty before the first contact.
  std::string project;
  bool become = false;
  std::vector<v1::JumpHost> jump{};  // The way to it.
};

// Reads a Target from the columns instance_id, address, port, ssh_user, host_key, project, become
// and jump.
Target ReadTarget(const Row& row);

// How the hosts on the way to an instance are kept in the column instances.jump.
std::vector<std::string> JumpTexts(const std::vector<v1::JumpHost>& jump);
std::vector<v1::JumpHost> ReadJump(const Row& row);

// A payload's task under a new lease.
struct PayloadClaim {
  std::string worker;
  int64_t task_id = 0;
  int64_t lease_epoch = 0;
  int64_t payload_id = 0;
  int attempt = 0;   // Of the payload.
  std::string run;   // The name of its run on the instance.
  int failures = 0;  // Failed tries of the task since its script last ran.
  Target target;
  std::string script_sha256;  // 32 bytes.
  int64_t script_bytes = 0;
  std::string remote_path;
  bool transfer = false;  // PAYLOAD_TRANSFER; otherwise PAYLOAD_EXECUTE.
  bool execute = false;
  int timeout = 0;           // Seconds.
  int64_t output_bytes = 0;  // Output before this byte is stored already.
  bool executing = false;    // The database knows that it was started.
  bool cancel_requested = false;
  bool recall_requested = false;
  std::string traceparent;  // Empty: none.
};

// A due task that is not claimed because its payload cannot be delivered any more. The caller still
// has to end it.
struct RefusedTask {
  enum class Reason { kRolloutStopped, kInstanceTerminated, kInstanceFailed };
  int64_t task_id = 0;
  int64_t payload_id = 0;
  int64_t instance_id = 0;
  Reason reason = Reason::kRolloutStopped;
};

// A run directory that a worker is asked to remove.
struct CleanupClaim {
  std::string worker;
  int64_t payload_id = 0;
  int attempt = 0;         // Of the payload.
  int64_t try_number = 0;  // How often its removal has been tried, with this try.
  std::string run;
  std::string remote_path;
  Target target;
};

// A PROVISION_INSTANCE task under a new lease.
struct ProvisionClaim {
  std::string worker;
  int64_t task_id = 0;
  int64_t lease_epoch = 0;
  Target target;
  std::string instance_name;
  std::vector<std::string> tags;
  bool cancel_requested = false;
};

}  // namespace longshore::storage

#endif  // LONGSHORE_STORAGE_CLAIMS_H_
