#include "payload_worker/ssh/sftp_upload.h"

#include <fcntl.h>
#include <libssh/callbacks.h>
#include <libssh/libssh.h>
#include <libssh/sftp.h>

#include <algorithm>
#include <memory>

#include "absl/strings/ascii.h"
#include "common/fail_point.h"
#include "common/path_rules.h"
#include "common/status_macros.h"
#include "common/utf8.h"
#include "payload_worker/ssh/become.h"
#include "payload_worker/ssh/errors.h"

namespace longshore::ssh {
namespace {

// OpenSSH's sftp-server takes packets up to 256 KiB (SFTP_MAX_MSG_LENGTH); other servers less. Each
// write is a round trip.
constexpr size_t kWriteBytesOfOpenSsh = size_t{255} * 1024;
constexpr size_t kWriteBytes = size_t{64} * 1024;
// A directory may be large; it is not endless.
constexpr int kMaxNames = 200000;
constexpr size_t kMaxShown = 200;
constexpr size_t kMaxSaid = 300;

struct AttributesDeleter {
  void operator()(sftp_attributes_struct* attributes) const { sftp_attributes_free(attributes); }
};
struct DirDeleter {
  void operator()(sftp_dir_struct* directory) const { sftp_closedir(directory); }
};
using Attributes = std::unique_ptr<sftp_attributes_struct, AttributesDeleter>;

std::string_view ErrorText(int error) {
  switch (error) {
    case SSH_FX_NO_SUCH_FILE:
    case SSH_FX_NO_SUCH_PATH:
      return "no such directory";
    case SSH_FX_PERMISSION_DENIED:
      return "permission denied";
    case SSH_FX_WRITE_PROTECT:
      return "read-only file system";
    default:
      return "the instance's SFTP server reports a failure (disk full, read-only or quota?)";
  }
}

bool LinkBroke(ssh_session session, sftp_session sftp) {
  const int error = sftp_get_error(sftp);
  return ssh_is_connected(session) == 0 || error == SSH_FX_NO_CONNECTION ||
         error == SSH_FX_CONNECTION_LOST;
}

int RequestSftp(ssh_channel channel, bool as_root) {
  if (!as_root) return ssh_channel_request_sftp(channel);
  return ssh_channel_request_exec(channel, SftpAsRoot().c_str());
}

// One upload under way. When it fails the temporary file is gone, unless the link broke: then the
// next upload of the same owner removes it.
class Upload {
 public:
  Upload(ssh_session session, sftp_session sftp, std::string path, const UploadOptions& options)
      : session_(session),
        sftp_(sftp),
        path_(std::move(path)),
        directory_(path_.substr(0, path_.rfind('/') + 1)),
        prefix_(".longshore-" + options.owner + "."),
        temporary_(directory_ + prefix_ + options.suffix),
        is_first_(options.is_first),
        wanted_(options.wanted) {}

  absl::Status Send(std::string_view content) {
    RETURN_IF_ERROR(CheckWanted());
    if (!is_first_) RETURN_IF_ERROR(RemoveLeftovers());
    absl::Status status = WriteTemporary(content);
    if (!status.ok() && file_ != nullptr && !link_broke_) {
      file_.reset();
      sftp_unlink(sftp_, temporary_.c_str());
    }
    return status;
  }

  const std::string& temporary() const { return temporary_; }
  SftpFile TakeFile() { return std::move(file_); }

 private:
  absl::Status CheckWanted() const {
    if (wanted_()) return absl::OkStatus();
    return Unreachable("the lease was lost during the transfer");
  }

  absl::Status BrokenLink() const {
    link_broke_ = true;
    return absl::UnavailableError("the link broke");
  }

  // Before a call whose failure is looked at: libssh leaves the error of an earlier one in place
  // when no answer comes.
  void ForgetError() const { sftp_->errnum = SSH_FX_OK; }
  // A call failed, and not because the instance's server said so. EOF and FAILURE are also what
  // libssh says when that server has ended while the connection lasts.
  bool Unanswered() const {
    const int error = sftp_get_error(sftp_);
    return LinkBroke(session_, sftp_) || error == SSH_FX_OK ||
           ((error == SSH_FX_EOF || error == SSH_FX_FAILURE) && HasEnded(sftp_));
  }

  absl::Status RemoveLeftovers() const {
    ForgetError();
    const std::unique_ptr<sftp_dir_struct, DirDeleter> directory(
        sftp_opendir(sftp_, directory_.c_str()));
    if (directory == nullptr) {
      if (Unanswered()) return BrokenLink();
      return absl::OkStatus();  // Not ours to list; writing will tell what is wrong, if anything.
    }
    int names = 0;
    while (const Attributes entry{sftp_readdir(sftp_, directory.get())}) {
      if (++names > kMaxNames) return TransferFailed(directory_ + " has too many files to look at");
      const std::string_view name = entry->name;
      if (name.substr(0, prefix_.size()) == prefix_ && name.find('/') == std::string_view::npos) {
        sftp_unlink(sftp_, (directory_ + std::string(name)).c_str());
      }
    }
    if (LinkBroke(session_, sftp_)) return BrokenLink();
    return absl::OkStatus();
  }

  absl::Status Error(const std::string& doing) const {
    if (Unanswered()) return BrokenLink();
    return TransferFailed(doing + ": " + std::string(ErrorText(sftp_get_error(sftp_))));
  }

  absl::Status WriteTemporary(std::string_view content) {
    ForgetError();
    file_.reset(sftp_open(sftp_, temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL, 0700));
    if (file_ == nullptr) {
      const int error = sftp_get_error(sftp_);
      if (error == SSH_FX_NO_SUCH_FILE || error == SSH_FX_NO_SUCH_PATH) {
        return RemotePathRefused("the directory of " + path_ + " does not exist");
      }
      return Error("create a file beside " + path_);
    }
    const size_t most = sftp_extension_supported(sftp_, "posix-rename@openssh.com", "1") != 0
                            ? kWriteBytesOfOpenSsh
                            : kWriteBytes;
    while (!content.empty()) {
      const std::string_view part = content.substr(0, most);
      ForgetError();
      if (sftp_write(file_.get(), part.data(), part.size()) != static_cast<ssize_t>(part.size())) {
        return Error("write a file beside " + path_);
      }
      content.remove_prefix(part.size());
      LONGSHORE_FAIL_POINT("worker.uploading");
      RETURN_IF_ERROR(CheckWanted());
    }
    return absl::OkStatus();
  }

  const ssh_session session_;
  const sftp_session sftp_;
  const std::string path_;
  const std::string directory_;
  const std::string prefix_;
  const std::string temporary_;
  const bool is_first_;
  const std::function<bool()> wanted_;
  SftpFile file_;
  mutable bool link_broke_ = false;
};

// Returns how much of the data has been taken.
int TakeErrors(ssh_session /*session*/, ssh_channel /*channel*/, void* data, uint32_t size,
               int is_stderr, void* said) {
  if (is_stderr == 0) return 0;
  auto* const text = static_cast<std::string*>(said);
  text->append(static_cast<const char*>(data),
               std::min<size_t>(size, kMaxSaid - std::min(kMaxSaid, text->size())));
  return static_cast<int>(size);
}

}  // namespace

struct SftpErrors {
  SftpErrors() {
    ssh_callbacks_init(&callbacks);
    callbacks.userdata = &said;
    callbacks.channel_data_function = TakeErrors;
  }

  std::string said;  // The beginning of it.
  ssh_channel_callbacks_struct callbacks{};
};

bool HasEnded(sftp_session_struct* sftp) {
  return ssh_channel_is_eof(sftp->channel) != 0 || ssh_channel_is_closed(sftp->channel) != 0;
}

void SftpSessionDeleter::operator()(sftp_session_struct* sftp) const {
  ssh_remove_channel_callbacks(sftp->channel, &errors->callbacks);
  sftp_free(sftp);
}
void SftpFileDeleter::operator()(sftp_file_struct* file) const { sftp_close(file); }

absl::StatusOr<SftpSession> BeginSftp(ssh_session_struct* session, ssh_channel_struct* channel,
                                      const std::string& sudo_user) {
  const auto errors = std::make_shared<SftpErrors>();
  // Before it is asked for: what sudo says may come with the answer.
  if (channel != nullptr) ssh_set_channel_callbacks(channel, &errors->callbacks);
  if (channel != nullptr && RequestSftp(channel, /*as_root=*/!sudo_user.empty()) != SSH_OK) {
    ssh_remove_channel_callbacks(channel, &errors->callbacks);
    ssh_channel_free(channel);
    channel = nullptr;
  }
  // The channel is the SFTP session's from sftp_new_channel on.
  SftpSession sftp(channel == nullptr ? nullptr : sftp_new_channel(session, channel), {errors});
  if (sftp == nullptr && channel != nullptr) {
    ssh_remove_channel_callbacks(channel, &errors->callbacks);
    ssh_channel_free(channel);
  }
  if (sftp != nullptr && sftp_init(sftp.get()) == SSH_OK) return sftp;
  if (ssh_is_connected(session) == 0 || (sftp != nullptr && LinkBroke(session, sftp.get()))) {
    return absl::UnavailableError("the link broke");
  }
  if (sftp != nullptr && !sudo_user.empty()) {
    absl::StripTrailingAsciiWhitespace(&errors->said);
    const std::string said = ToPrintableLine(errors->said, kMaxSaid);
    if (IsSaidBySudo(errors->said)) return SudoRefused(sudo_user, said);
    if (LacksSftpServer(errors->said)) return TransferFailed("no SFTP as root: " + said);
    // Whatever else somebody's profile prints on the way: it may pass.
    if (!said.empty()) return Unreachable("no SFTP as root: " + said);
  }
  // Also what MaxSessions does; it passes.
  return Unreachable("the instance offers no SFTP: " +
                     ToPrintableLine(ssh_get_error(session), 300));
}

absl::StatusOr<UploadedFile> SftpUpload(ssh_session_struct* session, sftp_session_struct* sftp,
                                        const std::string& remote_path, std::string_view content,
                                        const UploadOptions& options, SftpFile* open_file) {
  std::string path = remote_path;
  if (path.substr(0, 2) == "~/") {
    char* home = sftp_canonicalize_path(sftp, ".");
    if (home == nullptr) return absl::UnavailableError("the link broke");
    path = std::string(home) + path.substr(1);
    ssh_string_free_char(home);
    if (const std::string_view problem = PathProblem(path); !problem.empty()) {
      return RemotePathRefused("with the home directory that the instance reports, the path '" +
                               ToPrintableLine(path, kMaxShown) + "' " + std::string(problem));
    }
  }
  Upload upload(session, sftp, path, options);
  RETURN_IF_ERROR(upload.Send(content));
  *open_file = upload.TakeFile();
  return UploadedFile{.path = path, .temporary = upload.temporary()};
}

}  // namespace longshore::ssh
