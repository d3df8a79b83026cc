// Both kinds of paths: where a script may go on an instance, and where it may be read from on the
// api_server's host.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "api_server/domain/remote_path.h"
#include "api_server/domain/script_source.h"
#include "tests/fuzz/seeds.h"

namespace longshore::fuzz {
namespace {

constexpr char kInside[] = "inside";

// <top>/allowed with a script and a link out of it; gone when the process ends.
class Tree {
 public:
  Tree() {
    char name[] = "/tmp/longshore-fuzz-XXXXXX";
    top_ = mkdtemp(name);
    std::filesystem::create_directories(allowed() + "/d");
    std::ofstream(allowed() + "/a") << kInside;
    std::ofstream(allowed() + "/d/b") << kInside;
    std::ofstream(top_ + "/secret") << "outside";
    std::filesystem::create_symlink("../secret", allowed() + "/out");
    std::filesystem::create_directory_symlink("..", allowed() + "/up");
  }
  ~Tree() { std::filesystem::remove_all(top_); }
  std::string allowed() const { return top_ + "/allowed"; }

 private:
  std::string top_;
};

bool IsNormalised(const std::string& path) {
  return !path.empty() && path[0] == '/' && path.find("//") == std::string::npos &&
         (path + "/").find("/../") == std::string::npos &&
         (path + "/").find("/./") == std::string::npos && (path == "/" || path.back() != '/');
}

void CheckRemotePath(const std::string& path) {
  const std::vector<std::string> allowed = {"/opt/jobs"};
  if (domain::ValidateRemotePath(path, {}).ok()) {
    FUZZ_CHECK(IsNormalised(path) && path != "/" && path.size() <= 1024);
    FUZZ_CHECK(std::none_of(path.begin(), path.end(), [](unsigned char c) { return c < 0x20; }));
    for (const char* refused : {"/proc", "/sys", "/dev", "/boot"}) {
      FUZZ_CHECK((path + "/").rfind(std::string(refused) + "/", 0) != 0);
    }
  }
  if (domain::ValidateRemotePath(path, allowed).ok()) {
    FUZZ_CHECK(path.rfind("/opt/jobs/", 0) == 0);
  }
}

void CheckPayloadPath(const std::string& path) {
  static const Tree* const tree = [] {
    static const Tree made;
    return &made;
  }();
  static const domain::ScriptSource source({{.path = tree->allowed()}}, 1000);
  const auto script = source.Read(storage::Scope::Everything(), tree->allowed() + "/" + path);
  if (!script.ok()) return;
  FUZZ_CHECK(script->content == kInside);
  FUZZ_CHECK(domain::IsBeneath(script->path, tree->allowed()));
}

}  // namespace

std::vector<std::string> Seeds() {
  return {"/root/setup.sh", "/opt/jobs/a", "/opt/jobs/../x", "/proc/1", "a",        "d/b",
          "d/../a",         "out",         "up/secret",      "./d//b",  "../secret"};
}

}  // namespace longshore::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string path(reinterpret_cast<const char*>(data), size);
  longshore::fuzz::CheckRemotePath(path);
  longshore::fuzz::CheckPayloadPath(path);
  FUZZ_CHECK(longshore::fuzz::IsNormalised(longshore::domain::CleanPath(path)));
  return 0;
}
