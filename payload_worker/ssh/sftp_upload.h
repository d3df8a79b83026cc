// Uploads one file by SFTP under a temporary name.
#ifndef LONGSHORE_PAYLOAD_WORKER_SSH_SFTP_UPLOAD_H_
#define LONGSHORE_PAYLOAD_WORKER_SSH_SFTP_UPLOAD_H_

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

struct sftp_file_struct;
struct sftp_session_struct;
struct ssh_channel_struct;
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

// What the SFTP server says on its error stream. That is taken as it comes: of a channel where some
// of it waits, libssh does not see the end.
struct SftpErrors;

struct SftpSessionDeleter {
  void operator()(sftp_session_struct* sftp) const;
  std::shared_ptr<SftpErrors> errors;  // Outlives the channel.
};
// Closes the file: that waits for the instance's answer.
struct SftpFileDeleter {
  void operator()(sftp_file_struct* file) const;
};
using SftpSession = std::unique_ptr<sftp_session_struct, SftpSessionDeleter>;
using SftpFile = std::unique_ptr<sftp_file_struct, SftpFileDeleter>;

// Begins SFTP in `channel`, which is taken over; null when it could not be opened. `sudo_user`: who
// logged in and becomes root for it; empty: nobody does. Blocks. Errors: Unavailable, with a reason
// when it is the instance that offers no SFTP, without one when the link broke; and for root,
// AUTHENTICATION_FAILED and TRANSFER_FAILED.
absl::StatusOr<SftpSession> BeginSftp(ssh_session_struct* session, ssh_channel_struct* channel,
                                      const std::string& sudo_user);

// Returns whether the instance's SFTP server has ended, as far as has been heard.
bool HasEnded(sftp_session_struct* sftp);

// Writes `content` to a temporary file beside `remote_path`, with mode 0700, and removes the file
// when anything fails but the link. The instance's answers are not trusted: loops over them,
// lengths and names are bounded. Blocks. Leaves the written file open in `open_file`, to be closed
// while something else is waited for. Errors: Unavailable (the link broke, or the upload is no
// longer wanted), TRANSFER_FAILED, REMOTE_PATH_REFUSED.
absl::StatusOr<UploadedFile> SftpUpload(ssh_session_struct* session, sftp_session_struct* sftp,
                                        const std::string& remote_path, std::string_view content,
                                        const UploadOptions& options, SftpFile* open_file);

}  // namespace longshore::ssh

#endif  // LONGSHORE_PAYLOAD_WORKER_SSH_SFTP_UPLOAD_H_
