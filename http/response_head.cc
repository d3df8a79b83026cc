#include "http/response_head.h"

#include <boost/beast/http/status.hpp>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace longshore::http {
namespace {

std::string Reason(int status) {
  return std::string(boost::beast::http::obsolete_reason(
      boost::beast::http::int_to_status(static_cast<unsigned>(status))));
}

std::string Now() {
  return absl::FormatTime("%a, %d %b %Y %H:%M:%S GMT", absl::Now(), absl::UTCTimeZone());
}

}  // namespace

std::string ResponseHead(const Response& response, const Framing& framing) {
  std::string head = absl::StrCat(framing.http_1_0 ? "HTTP/1.0 " : "HTTP/1.1 ", response.status,
                                  " ", Reason(response.status), "\r\nDate: ", Now(), "\r\n");
  for (const auto& [name, value] : response.headers) {
    absl::StrAppend(&head, name, ": ", value, "\r\n");
  }
  if (!framing.length.has_value()) {
    if (!framing.http_1_0) head += "Transfer-Encoding: chunked\r\n";
  } else if (response.status != 204 && response.status != 304) {
    // These two have no body, and no length either (RFC 9110, 8.6).
    absl::StrAppend(&head, "Content-Length: ", *framing.length, "\r\n");
  }
  if (!framing.keep_alive) head += "Connection: close\r\n";
  if (framing.keep_alive && framing.http_1_0) head += "Connection: keep-alive\r\n";
  return head + "\r\n";
}

std::string Chunk(const std::string& piece) {
  return absl::StrCat(absl::Hex(piece.size()), "\r\n", piece, "\r\n");
}

}  // namespace longshore::http
