// A command that runs on an instance, as whoever follows it sees it.
#ifndef LONGSHORE_PAYLOAD_WORKER_SSH_REMOTE_COMMAND_H_
#define LONGSHORE_PAYLOAD_WORKER_SSH_REMOTE_COMMAND_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace longshore::ssh {

// Not thread-safe; may be handed to another thread whole. Whoever destroys it lets go of the
// command and its connection. Errors are those of errors.h.
class RemoteCommand {
 public:
  virtual ~RemoteCommand() = default;

  // Reads what has come of the command's output without waiting, into `data`. Returns false once
  // nothing more will come, as far as this stream is concerned.
  enum class Stream { kOutput, kError };
  virtual absl::StatusOr<bool> Read(Stream stream, std::string* data) = 0;
  // How much has come from the socket so far. libssh takes whatever has come into its own buffers,
  // of either stream, whichever is read: nothing is left in them, and the socket tells the truth,
  // only when both streams gave nothing and this stayed the same from before the first until after
  // the last.
  virtual uint64_t bytes_received() const = 0;
  // Of them, those that Read has given to the caller.
  virtual uint64_t bytes_read() const = 0;
  // Writes to the command's standard input; short texts only.
  virtual absl::Status Write(std::string_view text) = 0;

  // From now on nothing waits; for the event loop.
  virtual void SetNonBlocking() = 0;
  // The socket, which is readable when there may be more to Read.
  virtual int fd() const = 0;
};

}  // namespace longshore::ssh

#endif  // LONGSHORE_PAYLOAD_WORKER_SSH_REMOTE_COMMAND_H_
