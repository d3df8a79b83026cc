#include "api_server/executor/assignment.h"

namespace longshore::executor {
namespace {

void SetTarget(const storage::Target& target, v1::Assignment* assignment) {
  assignment->set_instance_id(target.instance_id);
  assignment->set_address(target.address);
  assignment->set_port(target.port);
  assignment->set_ssh_user(target.ssh_user);
  assignment->set_host_key(target.host_key);
  assignment->set_project(target.project);
  assignment->set_become(target.become);
  for (const v1::JumpHost& host : target.jump) *assignment->add_jump() = host;
}

}  // namespace

AddressedAssignment MakeAssignment(const storage::PayloadClaim& claim, int64_t max_output_bytes) {
  AddressedAssignment addressed{.worker = claim.worker};
  v1::Assignment& assignment = addressed.assignment;
  SetTarget(claim.target, &assignment);
  assignment.set_task_id(claim.task_id);
  assignment.set_lease_epoch(claim.lease_epoch);
  assignment.set_payload_id(claim.payload_id);
  assignment.set_attempt(claim.attempt);
  assignment.set_run(claim.run);
  assignment.set_failures(claim.failures);
  assignment.set_script_sha256(claim.script_sha256);
  assignment.set_script_bytes(claim.script_bytes);
  assignment.set_remote_path(claim.remote_path);
  assignment.set_transfer(claim.transfer);
  assignment.set_execute(claim.execute);
  assignment.set_timeout(claim.timeout);
  assignment.set_output_offset(claim.output_bytes);
  assignment.set_max_output_bytes(max_output_bytes);
  assignment.set_executing(claim.executing);
  assignment.set_first_lease(claim.lease_epoch == 1);
  assignment.set_cancel_requested(claim.cancel_requested);
  assignment.set_recall_requested(claim.recall_requested);
  assignment.set_traceparent(claim.traceparent);
  return addressed;
}

AddressedAssignment MakeAssignment(const storage::CleanupClaim& claim) {
  AddressedAssignment addressed{.worker = claim.worker};
  v1::Assignment& assignment = addressed.assignment;
  SetTarget(claim.target, &assignment);
  assignment.set_cleanup(true);
  assignment.set_lease_epoch(claim.try_number);
  assignment.set_payload_id(claim.payload_id);
  assignment.set_attempt(claim.attempt);
  assignment.set_run(claim.run);
  assignment.set_remote_path(claim.remote_path);
  return addressed;
}

AddressedAssignment MakeAssignment(const storage::ProvisionClaim& claim) {
  AddressedAssignment addressed{.worker = claim.worker};
  v1::Assignment& assignment = addressed.assignment;
  SetTarget(claim.target, &assignment);
  assignment.set_provision(true);
  assignment.set_task_id(claim.task_id);
  assignment.set_lease_epoch(claim.lease_epoch);
  assignment.set_instance_name(claim.instance_name);
  for (const std::string& tag : claim.tags) assignment.add_tags(tag);
  assignment.set_cancel_requested(claim.cancel_requested);
  return addressed;
}

}  // namespace longshore::executor
