// A command that runs on an instance, as the code that follows it sees it.
#ifndef LONGSHORE_PAYLOAD_WORKER_SSH_REMOTE_COMMAND_H_
#define LONGSHORE_PAYLOAD_WORKER_SSH_REMOTE_COMMAND_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace longshore::ssh {

// Not thread-safe, but may be handed to another thread as a whole. Destroying it lets go of the
// command and its connection. Errors are those of errors.h.
class RemoteCommand {
 public:
  virtual ~RemoteCommand() = default;

  // Appends to `data` what has come of a stream, without waiting. Returns false once nothing more
  // will come on it.
  enum class Stream { kOutput, kError };
  virtual absl::StatusOr<bool> Read(Stream stream, std::string* data) = 0;
  // Returns how many bytes have come from the socket. A read of one stream makes libssh take what
  // has come for both into its own buffers, where the socket does not show it. The buffers are
  // empty only when reads of both streams gave nothing and this number stayed the same from before
  // the first read until after the last.
  virtual uint64_t bytes_received() const = 0;
  // Returns how many bytes Read has given to the caller.
  virtual uint64_t bytes_read() const = 0;
  // Writes to the command's standard input. For short texts only.
  virtual absl::Status Write(std::string_view text) = 0;
  // Says that the command has done all it was for, so that its connection may serve another.
  virtual void Finish() = 0;

  // Makes all calls return without waiting, for the event loop.
  virtual void SetNonBlocking() = 0;
  // Returns the socket. It becomes readable when there may be more to Read.
  virtual int fd() const = 0;
};

}  // namespace longshore::ssh

#endif  // LONGSHORE_PAYLOAD_WORKER_SSH_REMOTE_COMMAND_H_
