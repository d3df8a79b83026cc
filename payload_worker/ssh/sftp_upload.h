// Sends one file by SFTP, under a temporary name.
#ifndef LONGSHORE_PAYLOAD_WORKER_SSH_SFTP_UPLOAD_H_
#define LONGSHORE_PAYLOAD_WORKER_SSH_SFTP_UPLOAD_H_

#include <functional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

struct ssh_session_struct;

namespace longshore::ssh {

// Names the temporary file: ".longshore-OWNER.SUFFIX". No two uploads may have both in common.
struct UploadOptions {
  std::string owner;      // The run.
  std::string suffix;     // The lease.
  bool is_first = false;  // No earlier upload of this owner can have left anything behind.
  // Whether the upload is still wanted: asked before anything is made, and after each part of it.
  std::function<bool()> wanted;
};

struct UploadedFile {
  std::string path;       // remote_path, absolute.
  std::string temporary;  // Beside it: to be renamed to `path`, or removed.
};

// Writes `content` to a temporary file beside `remote_path`, mode 0700; removes it when anything
// fails but the link. What the instance answers is not trusted: every loop over its answers, every
// length and every name is bounded. Errors: Unavailable (the link, or not wanted any more),
// TRANSFER_FAILED, REMOTE_PATH_REFUSED.
absl::StatusOr<UploadedFile> SftpUpload(ssh_session_struct* session, const std::string& remote_path,
                                        std::string_view content, const UploadOptions& options);

}  // namespace longshore::ssh

#endif  // LONGSHORE_PAYLOAD_WORKER_SSH_SFTP_UPLOAD_H_
