// The private keys that the worker logs in with, by project.
#ifndef LONGSHORE_PAYLOAD_WORKER_SSH_KEY_RING_H_
#define LONGSHORE_PAYLOAD_WORKER_SSH_KEY_RING_H_

#include <sys/types.h>

#include <cstdint>
#include <ctime>
#include <map>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/mutex.h"
#include "payload_worker/ssh/private_key.h"

namespace longshore::ssh {

// One of the two, or both.
struct KeyRingOptions {
  std::string file;  // For projects that have no key of their own.
  // A directory with a key named like each project, "PROJECT-cert.pub" beside it if there is an
  // OpenSSH certificate, and "default", which comes before `file`.
  std::string directory;
};

// Thread-safe. A file that has changed is read again when its key is asked for next.
class KeyRing {
 public:
  explicit KeyRing(KeyRingOptions options) : options_(std::move(options)) {}

  // Returns the file of the project's key. Errors: NotFound.
  absl::StatusOr<std::string> FileFor(const std::string& project) const;
  // Returns the project's key. Errors: NotFound, and those of PrivateKey::Load.
  absl::StatusOr<std::shared_ptr<const PrivateKey>> For(const std::string& project)
      ABSL_LOCKS_EXCLUDED(mutex_);
  // Reads every key that is there. Errors: those of For, and NotFound when there is none.
  absl::Status CheckAll() ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  // What tells whether the files of a key have changed.
  struct Stamp {
    struct File {
      dev_t device = 0;
      ino_t inode = 0;
      off_t size = -1;  // There is no such file.
      time_t seconds = 0;
      int64_t nanoseconds = 0;
      bool operator==(const File&) const = default;
    };
    File key;
    File certificate;
    bool operator==(const Stamp&) const = default;
  };
  struct Entry {
    Stamp stamp;
    std::shared_ptr<const PrivateKey> key;
  };
  static Stamp StampOf(const std::string& path);
  absl::StatusOr<std::shared_ptr<const PrivateKey>> Read(const std::string& path)
      ABSL_LOCKS_EXCLUDED(mutex_);

  const KeyRingOptions options_;
  Mutex mutex_;
  std::map<std::string, Entry> entries_ ABSL_GUARDED_BY(mutex_);  // By file.
};

// Returns the project's key for a connection. A key that is missing or no good may be another
// worker's to have, or mended soon. Errors: Unreachable (errors.h).
absl::StatusOr<std::shared_ptr<const PrivateKey>> KeyOf(KeyRing* keys, const std::string& project);

}  // namespace longshore::ssh

#endif  // LONGSHORE_PAYLOAD_WORKER_SSH_KEY_RING_H_
