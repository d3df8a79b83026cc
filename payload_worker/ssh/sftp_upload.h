// Sends one file by SFTP so that it appears complete or not at all.
#ifndef LONGSHORE_PAYLOAD_WORKER_SSH_SFTP_UPLOAD_H_
#define LONGSHORE_PAYLOAD_WORKER_SSH_SFTP_UPLOAD_H_

#include <string>
#include <string_view>

#include "absl/status/statusor.h"

struct ssh_session_struct;

namespace longshore::ssh {

// Writes `content` to a temporary name beside `remote_path`, mode 0700, and renames it; removes the
// temporary file when anything fails. Returns the absolute path. Errors: Unavailable (the link),
// TRANSFER_FAILED, REMOTE_PATH_REFUSED.
absl::StatusOr<std::string> SftpUpload(ssh_session_struct* session, const std::string& remote_path,
                                       std::string_view content);

}  // namespace longshore::ssh

#endif  // LONGSHORE_PAYLOAD_WORKER_SSH_SFTP_UPLOAD_H_
