// The head of an answer, and the frames of its body.
#ifndef LONGSHORE_HTTP_RESPONSE_HEAD_H_
#define LONGSHORE_HTTP_RESPONSE_HEAD_H_

#include <cstddef>
#include <optional>
#include <string>

#include "http/message.h"

namespace longshore::http {

// How an answer is sent.
struct Framing {
  bool http_1_0 = false;
  bool keep_alive = false;
  // The length of the body; unset, the body comes in chunks, or to HTTP/1.0 until the end.
  std::optional<size_t> length;
};

// Returns the lines of the head, the empty one included.
std::string ResponseHead(const Response& response, const Framing& framing);

// Returns a piece of a body that comes in chunks.
std::string Chunk(const std::string& piece);
inline constexpr char kLastChunk[] = "0\r\n\r\n";

}  // namespace longshore::http

#endif  // LONGSHORE_HTTP_RESPONSE_HEAD_H_
