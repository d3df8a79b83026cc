// The SFTP server of the hostile instance: it takes everything and keeps nothing.
#ifndef LONGSHORE_TESTS_HOSTILE_SFTP_SERVER_H_
#define LONGSHORE_TESTS_HOSTILE_SFTP_SERVER_H_

#include <libssh/libssh.h>

#include "tests/hostile/lies.h"

namespace longshore::hostile {

// Answers until the client closes the channel.
void ServeSftp(const Lies& lies, ssh_session session, ssh_channel channel);

}  // namespace longshore::hostile

#endif  // LONGSHORE_TESTS_HOSTILE_SFTP_SERVER_H_
