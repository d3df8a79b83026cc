#include "common/private_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

namespace longshore {

absl::Status WritePrivately(const std::string& path, const std::string& text) {
  const auto error = [&path] {
    return absl::FailedPreconditionError("'" + path + "' cannot be written: " + strerror(errno));
  };
  const std::string temporary = path + ".new";
  unlink(temporary.c_str());
  const int file = open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (file < 0) return error();
  errno = ENOSPC;  // What a write that ends early means.
  const bool written = write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size()) &&
                       fsync(file) == 0;
  const absl::Status failed = error();
  close(file);
  if (written && rename(temporary.c_str(), path.c_str()) == 0) return absl::OkStatus();
  absl::Status result = written ? error() : failed;
  unlink(temporary.c_str());
  return result;
}

bool IsOpenToOthers(const std::string& path) {
  struct stat about {};
  return stat(path.c_str(), &about) == 0 && S_ISREG(about.st_mode) && (about.st_mode & 077) != 0;
}

}  // namespace longshore
