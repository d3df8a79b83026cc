// The TLS of a server's connections, from files that are taken again when they change.
#ifndef LONGSHORE_HTTP_TLS_CONTEXT_H_
#define LONGSHORE_HTTP_TLS_CONTEXT_H_

#include <array>
#include <boost/asio/ssl/context.hpp>
#include <chrono>
#include <cstdint>
#include <memory>

#include "absl/status/statusor.h"
#include "common/mutex.h"
#include "common/tls.h"

namespace longshore::http {

// Thread-safe.
class TlsContext {
 public:
  using Context = boost::asio::ssl::context;

  // Errors: FailedPrecondition, which names the file.
  static absl::StatusOr<std::unique_ptr<TlsContext>> Load(const TlsFiles& files);

  // Returns the context for a new connection. Every two seconds it looks whether the files have
  // changed; as long as those that are new cannot be used, the ones before count.
  std::shared_ptr<Context> Current() ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  // What tells one state of a file from another.
  struct FileState {
    int64_t inode = 0;
    int64_t size = 0;
    int64_t changed_ns = 0;
    bool operator==(const FileState&) const = default;
  };
  using FileStates = std::array<FileState, 3>;

  explicit TlsContext(const TlsFiles& files) : files_(files) {}
  FileStates Look() const;

  const TlsFiles files_;
  Mutex mutex_;
  std::shared_ptr<Context> context_ ABSL_GUARDED_BY(mutex_);
  FileStates seen_ ABSL_GUARDED_BY(mutex_);
  std::chrono::steady_clock::time_point looked_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace longshore::http

#endif  // LONGSHORE_HTTP_TLS_CONTEXT_H_
