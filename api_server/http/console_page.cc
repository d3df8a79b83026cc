#include "api_server/http/console_page.h"

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "common/sha256.h"

namespace longshore::api_http {
namespace {

// Made by the build, from console/.
constexpr unsigned char kIndex[] = {
#include "api_server/http/console_index_html.inc"
};
constexpr unsigned char kScript[] = {
#include "api_server/http/console_console_js.inc"
};
constexpr unsigned char kStyle[] = {
#include "api_server/http/console_console_css.inc"
};
constexpr unsigned char kIcon[] = {
#include "api_server/http/console_icon_svg.inc"
};

struct File {
  std::string_view path;
  std::string_view type;
  std::string content;
  std::string tag;  // Names this content, for browsers that have it.
};

template <size_t size>
File MakeFile(std::string_view path, std::string_view type, const unsigned char (&bytes)[size]) {
  std::string content(reinterpret_cast<const char*>(bytes), size);
  std::string tag = absl::StrCat("\"", absl::BytesToHexString(Sha256(content).substr(0, 16)), "\"");
  return {path, type, std::move(content), std::move(tag)};
}

const File* Find(std::string_view path) {
  static const auto* const kFiles = new std::vector<File>{
      MakeFile("/", "text/html; charset=utf-8", kIndex),
      MakeFile("/console.js", "text/javascript; charset=utf-8", kScript),
      MakeFile("/console.css", "text/css; charset=utf-8", kStyle),
      MakeFile("/icon.svg", "image/svg+xml", kIcon),
  };
  const auto found = std::find_if(kFiles->begin(), kFiles->end(),
                                  [&](const File& file) { return file.path == path; });
  return found == kFiles->end() ? nullptr : &*found;
}

}  // namespace

bool IsConsole(std::string_view path) { return Find(path) != nullptr; }

http::Response ConsoleResponse(const http::Request& request) {
  const File& file = *Find(request.path);
  http::Response response{.headers = {{"etag", file.tag}}};
  if (HeaderValue(request, "if-none-match") == file.tag) {
    response.status = 304;
    return response;
  }
  response.headers.emplace_back("content-type", file.type);
  response.body = file.content;
  return response;
}

http::Fields ConsoleHeaders() {
  return {{"x-content-type-options", "nosniff"},
          // It is asked for each time, so that a page never runs the script of another version.
          {"cache-control", "no-cache"},
          {"content-security-policy",
           "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
           "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
           "require-trusted-types-for 'script'; trusted-types 'none'"},
          {"cross-origin-opener-policy", "same-origin"},
          {"cross-origin-resource-policy", "same-origin"},
          {"referrer-policy", "no-referrer"}};
}

}  // namespace longshore::api_http
