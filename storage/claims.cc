#include "storage/claims.h"

#include <google/protobuf/util/json_util.h>

namespace longshore::storage {

Target ReadTarget(const Row& row) {
  return {.instance_id = row.Int("instance_id"),
          .address = row.String("address"),
          .port = static_cast<int>(row.Int("port")),
          .ssh_user = row.String("ssh_user"),
          .host_key = row.String("host_key"),
          .project = row.String("project"),
          .become = row.Bool("become"),
          .jump = ReadJump(row)};
}

std::vector<std::string> JumpTexts(const std::vector<v1::JumpHost>& jump) {
  std::vector<std::string> texts;
  for (const v1::JumpHost& host : jump) {
    // Fields of checked text and a number cannot fail to become JSON.
    (void)google::protobuf::util::MessageToJsonString(host, &texts.emplace_back());
  }
  return texts;
}

std::vector<v1::JumpHost> ReadJump(const Row& row) {
  std::vector<v1::JumpHost> jump;
  for (const std::string& text : row.TextArray("jump")) {
    // Written by JumpTexts.
    (void)google::protobuf::util::JsonStringToMessage(text, &jump.emplace_back());
  }
  return jump;
}

}  // namespace longshore::storage
