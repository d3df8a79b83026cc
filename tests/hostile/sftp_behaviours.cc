#include <unistd.h>

#include "tests/hostile/behaviours.h"

namespace longshore::hostile {
namespace {

// The home directory.

void HomeLong(Lies* lies) { lies->home = "/" + std::string(kLong, 'h'); }
void HomeNotUtf8(Lies* lies) { lies->home = "/home/\xff\xfe\x80"; }
void HomeRelative(Lies* lies) { lies->home = "../../etc"; }
void HomeNewline(Lies* lies) { lies->home = "/root\n/etc"; }

// SFTP.

void SftpStatusGarbage(Lies* lies) {
  lies->sftp = [](sftp_client_message request) {
    sftp_reply_status(request, 77, Garbage(kLong).c_str());
    return true;
  };
}

void SftpReaddirForever(Lies* lies) {
  // A directory is read only by who comes after somebody else.
  lies->at = [](Moment moment, int connection) {
    if (moment == Moment::kFileOpened && connection == 0) _exit(0);
  };
  lies->sftp = [](sftp_client_message request) {
    if (sftp_client_message_get_type(request) != SSH_FXP_READDIR) return false;
    sftp_attributes_struct attributes = {};
    for (const char* name :
         {"..", "a/b", "/etc/passwd", "../../etc/shadow", ".longshore-1.x/../../y", "\xff\x01\n"}) {
      sftp_reply_names_add(request, name, name, &attributes);
    }
    sftp_reply_names(request);
    return true;
  };
}

// Answers a write with something else than a status.
void SftpAnswersOtherwise(Lies* lies) {
  lies->sftp = [](sftp_client_message request) {
    if (sftp_client_message_get_type(request) != SSH_FXP_WRITE) return false;
    sftp_reply_name(request, Garbage(100).c_str(), nullptr);
    return true;
  };
}

// Takes the first piece of a script only.
void WriteShort(Lies* lies) {
  lies->sftp = [](sftp_client_message request) {
    if (sftp_client_message_get_type(request) != SSH_FXP_WRITE || request->offset == 0) {
      return false;
    }
    sftp_reply_status(request, SSH_FX_EOF, "");
    return true;
  };
}

// What comes is read from the socket, and the client is never told that it may send more.
void WindowNeverAdjusted(Lies* lies) {
  lies->sftp = [](sftp_client_message request) {
    if (sftp_client_message_get_type(request) != SSH_FXP_WRITE) return false;
    while (ssh_channel_poll_timeout(request->sftp->channel, 1000, 1) >= 0) {
    }
    _exit(0);
  };
}

constexpr Behaviour kBehaviours[] = {
    {"home_long", HomeLong},
    {"home_not_utf8", HomeNotUtf8},
    {"home_relative", HomeRelative},
    {"home_newline", HomeNewline},
    {"sftp_status_garbage", SftpStatusGarbage},
    {"sftp_readdir_forever", SftpReaddirForever},
    {"sftp_answers_otherwise", SftpAnswersOtherwise},
    {"write_short", WriteShort},
    {"window_never_adjusted", WindowNeverAdjusted},
};

}  // namespace

std::span<const Behaviour> SftpBehaviours() { return kBehaviours; }

}  // namespace longshore::hostile
