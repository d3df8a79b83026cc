// Channels of an SSH session.
#ifndef LONGSHORE_PAYLOAD_WORKER_SSH_CHANNEL_H_
#define LONGSHORE_PAYLOAD_WORKER_SSH_CHANNEL_H_

struct ssh_session_struct;
struct ssh_channel_struct;

namespace longshore::ssh {

// Opens a session channel, the caller's to free; null when that fails. A refusal is taken for a
// final one only after some tries: where an instance allows few channels (MaxSessions), one that
// was closed counts until its command is gone. Blocks.
ssh_channel_struct* OpenChannel(ssh_session_struct* session);

}  // namespace longshore::ssh

#endif  // LONGSHORE_PAYLOAD_WORKER_SSH_CHANNEL_H_
