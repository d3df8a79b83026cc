// One client's connection: reads a request, has it answered, reads the next.
#ifndef LONGSHORE_HTTP_CONNECTION_H_
#define LONGSHORE_HTTP_CONNECTION_H_

#include <boost/asio/ip/tcp.hpp>
#include <memory>

#include "common/live_count.h"
#include "http/body_budget.h"
#include "http/message.h"
#include "http/open_connections.h"
#include "http/server_options.h"
#include "http/tls_context.h"

namespace longshore::http {

// What all connections of a server share.
struct ConnectionContext {
  ServerOptions options;
  Handler* handler = nullptr;
  BodyBudget bodies;
  OpenConnections open;
  LiveCount live;  // Connections that exist, open or not.
};

// Serves the client at the other end of `socket` until it is done; `tls` null: without TLS.
void ServeConnection(ConnectionContext* context, boost::asio::ip::tcp::socket socket,
                     std::shared_ptr<TlsContext::Context> tls);

}  // namespace longshore::http

#endif  // LONGSHORE_HTTP_CONNECTION_H_
