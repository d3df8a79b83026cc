#include "payload_worker/ssh/key_ring.h"

#include <dirent.h>
#include <sys/stat.h>

#include <string_view>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "payload_worker/ssh/errors.h"

namespace longshore::ssh {
namespace {

constexpr std::string_view kCertificateEnding = "-cert.pub";
constexpr char kDefault[] = "default";

// Whether a project's name can be the name of its file.
bool IsFileName(const std::string& project) {
  return !project.empty() && project[0] != '.' && project.find('/') == std::string::npos;
}

bool Exists(const std::string& path) {
  struct stat about {};
  return stat(path.c_str(), &about) == 0;
}

struct CloseDirectory {
  void operator()(DIR* directory) const { closedir(directory); }
};

// The keys in a directory; what ends in ".pub" is none.
absl::StatusOr<std::vector<std::string>> KeysIn(const std::string& directory) {
  const std::unique_ptr<DIR, CloseDirectory> open(opendir(directory.c_str()));
  if (open == nullptr) return absl::NotFoundError("'" + directory + "' cannot be read");
  std::vector<std::string> paths;
  while (const dirent* entry = readdir(open.get())) {
    const std::string name = entry->d_name;
    if (!IsFileName(name) || name.ends_with(".pub")) continue;
    paths.push_back(absl::StrCat(directory, "/", name));
  }
  return paths;
}

}  // namespace

absl::StatusOr<std::string> KeyRing::FileFor(const std::string& project) const {
  if (!options_.directory.empty()) {
    for (const std::string& name : {project, std::string(kDefault)}) {
      const std::string path = options_.directory + "/" + name;
      if (IsFileName(name) && Exists(path)) return path;
    }
  }
  if (!options_.file.empty()) return options_.file;
  return absl::NotFoundError("there is no SSH key for the project '" + project + "' in '" +
                             options_.directory + "'");
}

KeyRing::Stamp KeyRing::StampOf(const std::string& path) {
  const auto of = [](const std::string& file) {
    struct stat about {};
    if (stat(file.c_str(), &about) != 0) return Stamp::File{};
    return Stamp::File{.device = about.st_dev,
                       .inode = about.st_ino,
                       .size = about.st_size,
                       .seconds = about.st_mtim.tv_sec,
                       .nanoseconds = about.st_mtim.tv_nsec};
  };
  return {.key = of(path), .certificate = of(path + std::string(kCertificateEnding))};
}

absl::StatusOr<std::shared_ptr<const PrivateKey>> KeyRing::Read(const std::string& path) {
  const Stamp stamp = StampOf(path);
  {
    MutexLock lock(&mutex_);
    const auto entry = entries_.find(path);
    if (entry != entries_.end() && entry->second.stamp == stamp) return entry->second.key;
  }
  const std::string certificate = path + std::string(kCertificateEnding);
  ASSIGN_OR_RETURN(PrivateKey loaded,
                   PrivateKey::Load(path, Exists(certificate) ? certificate : ""));
  const auto key = std::make_shared<const PrivateKey>(std::move(loaded));
  MutexLock lock(&mutex_);
  entries_[path] = {.stamp = stamp, .key = key};
  return key;
}

absl::StatusOr<std::shared_ptr<const PrivateKey>> KeyRing::For(const std::string& project) {
  ASSIGN_OR_RETURN(const std::string path, FileFor(project));
  return Read(path);
}

absl::Status KeyRing::CheckAll() {
  std::vector<std::string> paths;
  if (!options_.directory.empty()) {
    ASSIGN_OR_RETURN(paths, KeysIn(options_.directory));
  }
  if (!options_.file.empty()) paths.push_back(options_.file);
  if (paths.empty()) return absl::NotFoundError("there is no SSH key in " + options_.directory);
  for (const std::string& path : paths) RETURN_IF_ERROR(Read(path).status());
  return absl::OkStatus();
}

absl::StatusOr<std::shared_ptr<const PrivateKey>> KeyOf(KeyRing* keys, const std::string& project) {
  auto key = keys->For(project);
  if (!key.ok()) return Unreachable(std::string(key.status().message()));
  return key;
}

}  // namespace longshore::ssh
