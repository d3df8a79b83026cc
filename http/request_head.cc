#include "http/request_head.h"

#include <string>
#include <string_view>

#include "absl/strings/match.h"

namespace longshore::http {
namespace {

namespace beast_http = boost::beast::http;
using beast_http::field;

std::string_view View(boost::beast::string_view text) { return {text.data(), text.size()}; }

bool IsToken(std::string_view text) {
  for (const char c : text) {
    if (c <= ' ' || c >= 127) return false;
  }
  return !text.empty();
}

bool HasControls(std::string_view text) {
  for (const unsigned char c : text) {
    if ((c < ' ' && c != '\t') || c == 127) return true;
  }
  return false;
}

bool IsNumber(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

}  // namespace

Response PlainError(int status, const char* code, const char* message) {
  // Both are ours, and need no quoting.
  return {.status = status,
          .headers = {{"content-type", "application/json"}},
          .body = std::string(R"({"error": {"code": ")") + code + R"(", "message": ")" + message +
                  "\"}}\n"};
}

std::optional<Response> RefuseHead(const beast_http::request_header<>& head) {
  const auto bad = [](const char* message) { return PlainError(400, "INVALID_ARGUMENT", message); };
  if (head.version() != 11 && head.version() != 10) {
    return PlainError(505, "UNIMPLEMENTED", "only HTTP/1.1 is spoken here");
  }
  for (const auto& line : head) {
    if (HasControls(View(line.value()))) return bad("a header has control characters");
  }
  const size_t hosts = head.count(field::host);
  if (hosts > 1 || (hosts == 0 && head.version() == 11)) return bad("there must be one Host");
  const size_t lengths = head.count(field::content_length);
  const size_t codings = head.count(field::transfer_encoding);
  if (lengths > 1 || codings > 1 || lengths + codings > 1) {
    return bad("there may be one Content-Length or one Transfer-Encoding");
  }
  if (lengths == 1 && !IsNumber(View(head[field::content_length]))) {
    return bad("Content-Length must be a number");
  }
  if (codings == 1) {
    if (head.version() == 10) return bad("HTTP/1.0 has no Transfer-Encoding");
    if (!absl::EqualsIgnoreCase(std::string(View(head[field::transfer_encoding])), "chunked")) {
      return PlainError(501, "UNIMPLEMENTED", "the only Transfer-Encoding taken is chunked");
    }
  }
  if (head.count(field::content_encoding) > 0 &&
      !absl::EqualsIgnoreCase(std::string(View(head[field::content_encoding])), "identity")) {
    return PlainError(415, "INVALID_ARGUMENT", "bodies must not be compressed");
  }
  const std::string_view target = View(head.target());
  if (!target.starts_with('/') || !IsToken(target) || target.find('#') != std::string_view::npos) {
    return bad("the target must be a path");
  }
  return std::nullopt;
}

}  // namespace longshore::http
