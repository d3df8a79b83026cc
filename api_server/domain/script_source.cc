#include "api_server/domain/script_source.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <optional>

#include "api_server/domain/errors.h"
#include "api_server/domain/remote_path.h"
#include "common/descriptor.h"
#include "common/sha256.h"
#include "common/status_macros.h"

namespace longshore::domain {
namespace {

constexpr int kOpenTries = 3;

int OpenBeneath(int directory, const std::string& relative) {
  open_how how = {};
  // O_NONBLOCK: a FIFO or a device must not hold the open up; what it is, is asked afterwards.
  how.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
  int fd;
  do {
    fd = static_cast<int>(syscall(SYS_openat2, directory, relative.c_str(), &how, sizeof(how)));
  } while (fd < 0 &&
           errno == EAGAIN);  // A rename went on beneath; the kernel asks for another try.
  return fd;
}

absl::Status LeadsOut(const std::string& path) {
  return PayloadPathForbidden(path, "leads out of the allowed directory through a symlink");
}

absl::Status OpenError(const std::string& path, int error) {
  switch (error) {
    case ENOENT:
      return PayloadFileNotFound(path);
    case ENOTDIR:
      return PayloadPathInvalid(path, "goes through something that is not a directory");
    case EXDEV:
    case ELOOP:
      return LeadsOut(path);
    case ENAMETOOLONG:
      return PayloadPathInvalid(path, "is too long");
    default:
      return PayloadPathForbidden(path, std::string("cannot be opened: ") + std::strerror(error));
  }
}

absl::StatusOr<std::string> ReadAtMost(int fd, const std::string& path, int64_t max_bytes) {
  // One byte more than allowed, so that a file that grows while it is read is noticed and never
  // read on for ever.
  std::string content(max_bytes + 1, '\0');
  size_t size = 0;
  while (size < content.size()) {
    const ssize_t n = read(fd, content.data() + size, content.size() - size);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) {
      return PayloadPathForbidden(path, std::string("cannot be read: ") + std::strerror(errno));
    }
    if (n == 0) break;
    size += static_cast<size_t>(n);
  }
  content.resize(size);
  if (static_cast<int64_t>(size) > max_bytes) return PayloadTooLarge("payload_path", max_bytes);
  if (content.empty()) return PayloadPathInvalid(path, "is an empty file");
  return content;
}

// Where a file really is. Empty when that is not known.
std::string RealPathOf(std::string_view path) {
  const std::string text(path);
  const std::unique_ptr<char, decltype(&free)> real(realpath(text.c_str(), nullptr), free);
  return real == nullptr ? "" : real.get();
}

std::string RealPath(int fd) { return RealPathOf("/proc/self/fd/" + std::to_string(fd)); }

}  // namespace

std::string CleanPath(std::string_view path) {
  std::vector<std::string_view> names;
  size_t begin = 0;
  while (begin <= path.size()) {
    const size_t end = std::min(path.find('/', begin), path.size());
    const std::string_view name = path.substr(begin, end - begin);
    if (name == "..") {
      if (!names.empty()) names.pop_back();
    } else if (!name.empty() && name != ".") {
      names.push_back(name);
    }
    begin = end + 1;
  }
  std::string clean;
  for (std::string_view name : names) {
    clean += "/";
    clean += name;
  }
  return clean.empty() ? "/" : clean;
}

ScriptSource::ScriptSource(std::vector<PayloadDirectory> directories, int64_t max_bytes)
    : directories_(std::move(directories)), max_bytes_(max_bytes) {}

const PayloadDirectory* ScriptSource::Innermost(
    const std::string& path, std::string (*text_of)(std::string_view path)) const {
  const PayloadDirectory* innermost = nullptr;
  size_t longest = 0;
  for (const PayloadDirectory& directory : directories_) {
    const std::string text = text_of(directory.path);
    if (text.empty() || !IsBeneath(path, text) || text.size() < longest) continue;
    innermost = &directory;
    longest = text.size();
  }
  return innermost;
}

bool ScriptSource::IsIn(const PayloadDirectory& directory, const std::string& real) const {
  // The kernel keeps to a directory that is the only one.
  if (directories_.size() == 1) return true;
  const PayloadDirectory* const innermost = Innermost(real, RealPathOf);
  return innermost != nullptr && innermost->project == directory.project;
}

absl::Status ScriptSource::CannotOpen(const std::string& path, const PayloadDirectory& directory,
                                      int base, std::string relative) const {
  const int error = errno;
  // Behind a symlink into another project's directory nobody learns what is not there.
  for (size_t slash = relative.rfind('/'); slash != std::string::npos;
       slash = relative.rfind('/')) {
    relative.resize(slash);
    const Descriptor parent(OpenBeneath(base, relative));
    if (parent.get() < 0) continue;
    if (!IsIn(directory, RealPath(parent.get()))) return LeadsOut(path);
    break;
  }
  return OpenError(path, error);
}

absl::StatusOr<Script> ScriptSource::Read(const storage::Scope& scope,
                                          std::string_view requested) const {
  if (requested.empty() || requested[0] != '/') {
    return PayloadPathInvalid(requested, "must be absolute");
  }
  if (requested.find('\0') != std::string_view::npos) {
    return PayloadPathInvalid(requested, "has a NUL byte");
  }
  const std::string path = CleanPath(requested);
  const PayloadDirectory* innermost = Innermost(path, CleanPath);
  // Another project's directory is one that is not there.
  const bool own =
      innermost != nullptr && (innermost->project.empty() || scope.Contains(innermost->project));
  if (!own) {
    return PayloadPathForbidden(path, "is outside the directories of --allowed_payload_dirs");
  }
  const std::string base = CleanPath(innermost->path);
  const Descriptor directory(open(base.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (directory.get() < 0) return OpenError(path, errno);
  std::string relative = path.substr(base == "/" ? 0 : base.size());
  relative = relative.empty() ? "." : relative.substr(1);
  if (relative.empty()) relative = ".";
  std::optional<Descriptor> file;
  std::string real;
  // A file that has just been replaced is nowhere any more.
  for (int tries = 0; tries < kOpenTries && real.empty(); ++tries) {
    file.emplace(OpenBeneath(directory.get(), relative));
    if (file->get() < 0) return CannotOpen(path, *innermost, directory.get(), relative);
    real = RealPath(file->get());
  }
  if (!IsIn(*innermost, real)) return LeadsOut(path);
  struct stat info;
  if (fstat(file->get(), &info) != 0) return OpenError(path, errno);
  if (S_ISDIR(info.st_mode)) return PayloadPathInvalid(path, "is a directory");
  if (!S_ISREG(info.st_mode)) return PayloadPathInvalid(path, "is not a regular file");
  if (info.st_size > max_bytes_) return PayloadTooLarge("payload_path", max_bytes_);
  Script script{
      .path = path, .base_name = path.substr(path.rfind('/') + 1), .project = innermost->project};
  ASSIGN_OR_RETURN(script.content, ReadAtMost(file->get(), path, max_bytes_));
  script.sha256 = Sha256(script.content);
  return script;
}

absl::StatusOr<Script> ScriptSource::FromContent(const std::string& content) const {
  if (static_cast<int64_t>(content.size()) > max_bytes_) {
    return PayloadTooLarge("payload_content", max_bytes_);
  }
  Script script{.content = content, .sha256 = Sha256(content)};
  script.base_name = "longshore-" + HexEncode(script.sha256).substr(0, 12) + ".sh";
  return script;
}

}  // namespace longshore::domain
