// The two ends of a connection, by their names.
#ifndef LONGSHORE_HTTP_ENDPOINT_H_
#define LONGSHORE_HTTP_ENDPOINT_H_

#include <boost/asio/ip/tcp.hpp>
#include <string>

#include "http/tls_context.h"

namespace longshore::http {

// Returns the other end as gRPC writes it: "ipv4:127.0.0.1:40000".
std::string PeerOf(const boost::asio::ip::tcp::socket& socket);

// Returns true when `host`, NAME or NAME:PORT, is a name in the certificate; without TLS (null)
// when it is one of the loopback.
bool IsOwnHost(const std::string& host, TlsContext::Context* tls);

}  // namespace longshore::http

#endif  // LONGSHORE_HTTP_ENDPOINT_H_
