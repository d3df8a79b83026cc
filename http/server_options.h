// How an HTTP server is reached, and its limits.
#ifndef LONGSHORE_HTTP_SERVER_OPTIONS_H_
#define LONGSHORE_HTTP_SERVER_OPTIONS_H_

#include <chrono>
#include <cstdint>
#include <string>

#include "common/tls.h"

namespace longshore::http {

struct ServerOptions {
  std::string listen;  // HOST:PORT; port 0 means any that is free.
  TlsFiles tls;        // Without any, it speaks plain HTTP.
  int64_t max_body_bytes = 8 << 20;
  // Bodies over 64 KiB that are in memory at a time, of all connections together.
  int64_t max_body_bytes_in_all = 64 << 20;
  int max_connections = 10000;  // Those beyond are closed at once.
  // A client gets so long for the handshake; for the next request, first byte to last; to read
  // something of an answer that waits for it.
  std::chrono::milliseconds handshake_limit{10000};
  std::chrono::milliseconds request_limit{60000};
  std::chrono::milliseconds write_limit{30000};
};

}  // namespace longshore::http

#endif  // LONGSHORE_HTTP_SERVER_OPTIONS_H_
