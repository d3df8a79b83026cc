#include "tests/hostile/sftp_server.h"

#include <libssh/server.h>
#include <libssh/sftp.h>

#include "tests/hostile/memory.h"

namespace longshore::hostile {
namespace {

void ReplyHandle(sftp_client_message request) {
  static int handle;
  const ssh_string text = sftp_handle_alloc(request->sftp, &handle);
  sftp_reply_handle(request, text);
  ssh_string_free(text);
}

void Answer(const Lies& lies, sftp_client_message request) {
  switch (sftp_client_message_get_type(request)) {
    case SSH_FXP_REALPATH:
      sftp_reply_name(request, lies.home.c_str(), nullptr);
      return;
    case SSH_FXP_LSTAT:
    case SSH_FXP_STAT:
      sftp_reply_status(request, SSH_FX_NO_SUCH_FILE, "No such file");
      return;
    case SSH_FXP_OPEN:
      lies.at(Moment::kFileOpened, Memory::connection());
      ReplyHandle(request);
      return;
    case SSH_FXP_OPENDIR:
      ReplyHandle(request);
      return;
    case SSH_FXP_READDIR:
      sftp_reply_status(request, SSH_FX_EOF, "");
      return;
    case SSH_FXP_WRITE:
      lies.at(Moment::kFileWritten, Memory::connection());
      sftp_reply_status(request, SSH_FX_OK, "");
      return;
    default:
      sftp_reply_status(request, SSH_FX_OK, "");
  }
}

}  // namespace

void ServeSftp(const Lies& lies, ssh_session session, ssh_channel channel) {
  const sftp_session sftp = sftp_server_new(session, channel);
  if (sftp == nullptr || sftp_server_init(sftp) != 0) return;
  // Meanwhile every other channel is refused.
  ssh_set_message_callback(
      session, [](ssh_session, ssh_message, void*) { return 1; }, nullptr);
  while (const sftp_client_message request = sftp_get_client_message(sftp)) {
    if (!lies.sftp(request)) Answer(lies, request);
    sftp_client_message_free(request);
  }
  ssh_set_message_callback(session, nullptr, nullptr);
  sftp_server_free(sftp);
}

}  // namespace longshore::hostile
