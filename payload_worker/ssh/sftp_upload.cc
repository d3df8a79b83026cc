#include "payload_worker/ssh/sftp_upload.h"

#include <fcntl.h>
#include <libssh/libssh.h>
#include <libssh/sftp.h>
#include <sys/stat.h>

#include <memory>

#include "common/fail_point.h"
#include "common/path_rules.h"
#include "common/status_macros.h"
#include "common/utf8.h"
#include "payload_worker/ssh/channel.h"
#include "payload_worker/ssh/errors.h"

namespace longshore::ssh {
namespace {

// OpenSSH's sftp-server takes packets up to 256 KiB; other servers less. One that most take, with
// few round trips.
constexpr size_t kWriteBytes = size_t{64} * 1024;
// A directory may be large; it is not endless.
constexpr int kMaxNames = 200000;
constexpr size_t kMaxShown = 200;

struct SftpDeleter {
  void operator()(sftp_session_struct* sftp) const { sftp_free(sftp); }
};
struct AttributesDeleter {
  void operator()(sftp_attributes_struct* attributes) const { sftp_attributes_free(attributes); }
};
struct DirDeleter {
  void operator()(sftp_dir_struct* directory) const { sftp_closedir(directory); }
};
using Sftp = std::unique_ptr<sftp_session_struct, SftpDeleter>;
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
    RETURN_IF_ERROR(CheckPlace());
    if (!is_first_) RETURN_IF_ERROR(RemoveLeftovers());
    absl::Status status = WriteTemporary(content);
    if (!status.ok() && created_ && !link_broke_) sftp_unlink(sftp_, temporary_.c_str());
    return status;
  }

  const std::string& temporary() const { return temporary_; }

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
  // A call failed, and not because the instance's server said so. EOF is also what libssh says when
  // that server has ended while the connection lasts.
  bool Unanswered() const {
    const int error = sftp_get_error(sftp_);
    return LinkBroke(session_, sftp_) || error == SSH_FX_OK ||
           (error == SSH_FX_EOF && ssh_channel_is_eof(sftp_->channel) != 0);
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

  // What is there already must be a file, or a symlink, which is replaced itself; or nothing, in a
  // directory that is there.
  absl::Status CheckPlace() const {
    ForgetError();
    const Attributes there(sftp_lstat(sftp_, path_.c_str()));
    if (there == nullptr) {
      if (Unanswered()) return BrokenLink();
      return absl::OkStatus();
    }
    const uint32_t type = there->permissions & S_IFMT;
    if (type == S_IFDIR) return RemotePathRefused(path_ + " is a directory");
    if (type != 0 && type != S_IFREG && type != S_IFLNK) {
      return RemotePathRefused(path_ + " is a device, a pipe or a socket");
    }
    return absl::OkStatus();
  }

  absl::Status WriteTemporary(std::string_view content) {
    ForgetError();
    const std::unique_ptr<sftp_file_struct, decltype(&sftp_close)> file(
        sftp_open(sftp_, temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL, 0700), CloseQuietly);
    if (file == nullptr) {
      const int error = sftp_get_error(sftp_);
      if (error == SSH_FX_NO_SUCH_FILE || error == SSH_FX_NO_SUCH_PATH) {
        return RemotePathRefused("the directory of " + path_ + " does not exist");
      }
      return Error("create a file beside " + path_);
    }
    created_ = true;
    while (!content.empty()) {
      const std::string_view part = content.substr(0, kWriteBytes);
      ForgetError();
      if (sftp_write(file.get(), part.data(), part.size()) != static_cast<ssize_t>(part.size())) {
        return Error("write a file beside " + path_);
      }
      content.remove_prefix(part.size());
      LONGSHORE_FAIL_POINT("worker.uploading");
      RETURN_IF_ERROR(CheckWanted());
    }
    return absl::OkStatus();
  }

  static int CloseQuietly(sftp_file file) { return file == nullptr ? 0 : sftp_close(file); }

  const ssh_session session_;
  const sftp_session sftp_;
  const std::string path_;
  const std::string directory_;
  const std::string prefix_;
  const std::string temporary_;
  const bool is_first_;
  const std::function<bool()> wanted_;
  bool created_ = false;
  mutable bool link_broke_ = false;
};

}  // namespace

absl::StatusOr<UploadedFile> SftpUpload(ssh_session_struct* session, const std::string& remote_path,
                                        std::string_view content, const UploadOptions& options) {
  // The channel is the SFTP session's from sftp_new_channel on.
  ssh_channel channel = OpenChannel(session);
  if (channel != nullptr && ssh_channel_request_sftp(channel) != SSH_OK) {
    ssh_channel_free(channel);
    channel = nullptr;
  }
  const Sftp sftp(channel == nullptr ? nullptr : sftp_new_channel(session, channel));
  if (sftp == nullptr || sftp_init(sftp.get()) != SSH_OK) {
    if (ssh_is_connected(session) == 0 || (sftp != nullptr && LinkBroke(session, sftp.get()))) {
      return absl::UnavailableError("the link broke");
    }
    // Also what MaxSessions does; it passes.
    return Unreachable("the instance offers no SFTP: " +
                       ToPrintableLine(ssh_get_error(session), 300));
  }
  std::string path = remote_path;
  if (path.substr(0, 2) == "~/") {
    char* home = sftp_canonicalize_path(sftp.get(), ".");
    if (home == nullptr) return absl::UnavailableError("the link broke");
    path = std::string(home) + path.substr(1);
    ssh_string_free_char(home);
    if (const std::string_view problem = PathProblem(path); !problem.empty()) {
      return RemotePathRefused("with the home directory that the instance reports, the path '" +
                               ToPrintableLine(path, kMaxShown) + "' " + std::string(problem));
    }
  }
  Upload upload(session, sftp.get(), path, options);
  RETURN_IF_ERROR(upload.Send(content));
  return UploadedFile{.path = path, .temporary = upload.temporary()};
}

}  // namespace longshore::ssh
