// Channels of an SSH session.
#ifndef LONGSHORE_PAYLOAD_WORKER_SSH_CHANNEL_H_
#define LONGSHORE_PAYLOAD_WORKER_SSH_CHANNEL_H_

struct ssh_session_struct;
struct ssh_channel_struct;

namespace longshore::ssh {

// Opens a session channel, which the caller frees. Returns null when that fails. A refusal is final
// only after several tries: where an instance allows few channels (MaxSessions), a closed channel
// counts until its command has ended. Blocks.
ssh_channel_struct* OpenChannel(ssh_session_struct* session);

}  // namespace longshore::ssh

#endif  // LONGSHORE_PAYLOAD_WORKER_SSH_CHANNEL_H_
