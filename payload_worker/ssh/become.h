// What is run as root on an instance where another user logs in: by way of sudo.
#ifndef LONGSHORE_PAYLOAD_WORKER_SSH_BECOME_H_
#define LONGSHORE_PAYLOAD_WORKER_SSH_BECOME_H_

#include <string>
#include <string_view>
#include <vector>

namespace longshore::ssh {

// Returns the command that has root's bash carry out `script`, in root's home directory, with
// `words` as $1 and so on; for login shells that take single quotes as Bourne and C shells do. sudo
// is asked for /bin/bash, without a terminal and a password. It logs the command line: `script` is
// short, and what is long comes by standard input.
std::string AsRoot(const std::string& script, const std::vector<std::string>& words);

// The command that serves SFTP as root, by the server that OpenSSH's packages install.
std::string SftpAsRoot();

// Returns whether `said`, all that such a command has said, is of sudo or of its absence.
bool IsSaidBySudo(std::string_view said);
// Returns whether it says that there is no server to serve SFTP.
bool LacksSftpServer(std::string_view said);

}  // namespace longshore::ssh

#endif  // LONGSHORE_PAYLOAD_WORKER_SSH_BECOME_H_
