#include "payload_worker/ssh/become.h"

#include "common/shell_quote.h"

namespace longshore::ssh {
namespace {

constexpr char kServeSftp[] =
    "for server in /usr/lib/openssh /usr/libexec/openssh /usr/lib/ssh /usr/libexec; do "
    "if [ -x \"$server/sftp-server\" ]; then exec \"$server/sftp-server\"; fi; done; "
    "echo \"the instance has no sftp-server\" >&2; exit 1";

}  // namespace

std::string AsRoot(const std::string& script, const std::vector<std::string>& words) {
  // SUDO_COMMAND would show this line to the script.
  std::string command = "exec sudo -n -H -- /bin/bash --norc -p -c " +
                        ShellQuote("unset SUDO_COMMAND; cd 2> /dev/null || cd /; " + script) +
                        " longshore";
  for (const std::string& word : words) command += " " + ShellQuote(word);
  return command;
}

std::string SftpAsRoot() { return AsRoot(kServeSftp, {}); }

bool IsSaidBySudo(std::string_view said) {
  // "Sorry, user x is not allowed to execute ...", which has no "sudo:" in front.
  return said.find("sudo:") != std::string_view::npos || said.rfind("Sorry, user ", 0) == 0;
}

}  // namespace longshore::ssh
