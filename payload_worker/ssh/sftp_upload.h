// Sends one file by SFTP, under a temporary name.
#ifndef LONGSHORE_PAYLOAD_WORKER_SSH_SFTP_UPLOAD_H_
#define LONGSHORE_PAYLOAD_WORKER_SSH_SFTP_UPLOAD_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

struct ssh_session_struct;

namespace longshore::ssh {

// Names the temporary file: ".longshore-OWNER.TURN". No two uploads may have both in common.
struct UploadName {
  int64_t owner = 0;      // The payload.
  std::string turn;       // The lease.
  bool is_first = false;  // No earlier upload of this owner can have left anything behind.
};

struct UploadedFile {
  std::string path;       // remote_path, absolute.
  std::string temporary;  // Beside it: to be renamed to `path`, or removed.
};

// Writes `content` to a temporary file beside `remote_path`, mode 0700; removes it when anything
// fails but the link. Errors: Unavailable (the link), TRANSFER_FAILED, REMOTE_PATH_REFUSED.
absl::StatusOr<UploadedFile> SftpUpload(ssh_session_struct* session, const std::string& remote_path,
                                        std::string_view content, const UploadName& name);

}  // namespace longshore::ssh

#endif  // LONGSHORE_PAYLOAD_WORKER_SSH_SFTP_UPLOAD_H_
