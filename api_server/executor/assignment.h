// Turns claims into the assignments that workers get.
#ifndef LONGSHORE_API_SERVER_EXECUTOR_ASSIGNMENT_H_
#define LONGSHORE_API_SERVER_EXECUTOR_ASSIGNMENT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "longshore/v1/worker_service.pb.h"
#include "storage/claims.h"

namespace longshore::executor {

// An assignment and the name of the worker that it is for.
struct AddressedAssignment {
  std::string worker;
  v1::Assignment assignment;
};

// Each makes an assignment of a claim. `max_output_bytes` is how much of an output is stored.
AddressedAssignment MakeAssignment(const storage::PayloadClaim& claim, int64_t max_output_bytes);
AddressedAssignment MakeAssignment(const storage::CleanupClaim& claim);
AddressedAssignment MakeAssignment(const storage::ProvisionClaim& claim);

// Makes an assignment of each claim. `more` are the further arguments of MakeAssignment.
template <typename Claim, typename... More>
std::vector<AddressedAssignment> MakeAssignments(const std::vector<Claim>& claims, More... more) {
  std::vector<AddressedAssignment> assignments;
  assignments.reserve(claims.size());
  for (const Claim& claim : claims) assignments.push_back(MakeAssignment(claim, more...));
  return assignments;
}

}  // namespace longshore::executor

#endif  // LONGSHORE_API_SERVER_EXECUTOR_ASSIGNMENT_H_
