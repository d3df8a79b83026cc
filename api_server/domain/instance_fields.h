// Rules for what says where an instance is and how it is reached. Errors are those of errors.h.
#ifndef LONGSHORE_API_SERVER_DOMAIN_INSTANCE_FIELDS_H_
#define LONGSHORE_API_SERVER_DOMAIN_INSTANCE_FIELDS_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "google/protobuf/repeated_field.h"
#include "longshore/v1/instance.pb.h"

namespace longshore::domain {

// More would be a way that nobody can find a fault on.
inline constexpr int kMaxJumps = 3;

absl::Status CheckAddress(std::string_view field, const std::string& address);
absl::Status CheckPort(std::string_view field, int32_t port);
int32_t PortOrDefault(int32_t port);
std::string PoolOrDefault(const std::string& pool);
absl::Status CheckLogin(std::string_view field, const std::string& login);
// Return the field as it is stored: a key without its comment (empty stays empty), the name of the
// pool, hosts with all their fields.
absl::StatusOr<std::string> ReadHostKey(std::string_view field, const std::string& line);
absl::StatusOr<std::string> ReadPool(const std::string& pool);
absl::StatusOr<std::vector<v1::JumpHost>> ReadJump(
    const google::protobuf::RepeatedPtrField<v1::JumpHost>& jump);

}  // namespace longshore::domain

#endif  // LONGSHORE_API_SERVER_DOMAIN_INSTANCE_FIELDS_H_
