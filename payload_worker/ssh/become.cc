#include "payload_worker/ssh/become.h"

#include "absl/strings/str_split.h"
#include "common/shell_quote.h"

namespace longshore::ssh {
namespace {

constexpr char kServeSftp[] =
    "for server in /usr/lib/openssh /usr/libexec/openssh /usr/lib/ssh /usr/libexec; do "
    "if [ -x \"$server/sftp-server\" ]; then exec \"$server/sftp-server\"; fi; done; "
    "echo \"the instance has no sftp-server\" >&2; exit 1";
constexpr std::string_view kNoServer = "the instance has no sftp-server";

}  // namespace

std::string AsRoot(const std::string& script, const std::vector<std::string>& words) {
  // SUDO_COMMAND would show this line to the script.
  return "exec sudo -n -H -- /bin/bash --norc -p -c " +
         ShellQuote("unset SUDO_COMMAND; cd 2> /dev/null || cd /; " + script) + " longshore" +
         ShellWords(words);
}

std::string SftpAsRoot() { return AsRoot(kServeSftp, {}); }

bool IsSaidBySudo(std::string_view said) {
  for (const auto& each : absl::StrSplit(std::string(said), '\n')) {
    const std::string line(each);
    // "Sorry, user x is not allowed to execute ...", which has no "sudo:" in front.
    if (line.rfind("Sorry, user ", 0) == 0) return true;
    // A warning, after which it goes on.
    if (line.find("unable to resolve host") != std::string::npos) continue;
    if (line.find("sudo:") != std::string::npos) return true;
  }
  return false;
}

bool LacksSftpServer(std::string_view said) { return said.find(kNoServer) != said.npos; }

}  // namespace longshore::ssh
