// Uploads one file by SFTP under a temporary name.
#ifndef LONGSHORE_PAYLOAD_WORKER_SSH_SFTP_UPLOAD_H_
#define LONGSHORE_PAYLOAD_WORKER_SSH_SFTP_UPLOAD_H_

#include <functional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

struct ssh_session_struct;

namespace longshore::ssh {

// The temporary file is named ".longshore-OWNER.SUFFIX". No two uploads may have the same owner and
// suffix.
struct UploadOptions {
  std::string owner;      // The run.
  std::string suffix;     // The lease.
  bool is_first = false;  // No earlier upload of this owner can have left anything behind.
  // Returns whether the upload is still wanted. Called before anything is sent, and after each
  // part.
  std::function<bool()> wanted;
};

struct UploadedFile {
  std::string path;       // remote_path, absolute.
  std::string temporary;  // Beside `path`; the caller has it renamed or removed.
};

// Writes `content` to a temporary file beside `remote_path`, with mode 0700, and removes the file
// when anything fails but the link. The instance's answers are not trusted: loops over them,
// lengths and names are bounded. Blocks. Errors: Unavailable (the link broke, or the upload is no
// longer wanted), TRANSFER_FAILED, REMOTE_PATH_REFUSED.
absl::StatusOr<UploadedFile> SftpUpload(ssh_session_struct* session, const std::string& remote_path,
                                        std::string_view content, const UploadOptions& options);

}  // namespace longshore::ssh

#endif  // LONGSHORE_PAYLOAD_WORKER_SSH_SFTP_UPLOAD_H_
