#include "http/server.h"

#include <glog/logging.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <thread>
#include <utility>
#include <vector>

#include "common/status_macros.h"
#include "http/connection.h"
#include "http/tls_context.h"

namespace longshore::http {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

constexpr int kThreads = 2;
// Accepting goes on so long after it has failed, most likely for want of file descriptors.
constexpr std::chrono::milliseconds kAcceptPause{200};

absl::Status CannotListen(const std::string& address, const std::string& why) {
  return absl::FailedPreconditionError("cannot listen on " + address + " for HTTP: " + why);
}

absl::StatusOr<tcp::acceptor> Listen(asio::io_context* io, const std::string& address) {
  const size_t colon = address.rfind(':');
  if (colon == std::string::npos) return CannotListen(address, "it is not HOST:PORT");
  std::string host = address.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  error_code error;
  const auto found =
      tcp::resolver(*io).resolve(host, address.substr(colon + 1), tcp::resolver::passive, error);
  if (error) return CannotListen(address, error.message());
  const tcp::endpoint endpoint = found.begin()->endpoint();
  tcp::acceptor acceptor(asio::make_strand(*io));
  acceptor.open(endpoint.protocol(), error);
  if (!error) acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
  if (error) return CannotListen(address, error.message());
  return acceptor;
}

}  // namespace

struct Server::Parts {
  Parts(const ServerOptions& options, Handler* handler)
      : context{.options = options,
                .handler = handler,
                .bodies = BodyBudget(options.max_body_bytes_in_all)} {}

  void Accept() {
    acceptor->async_accept(asio::make_strand(io), [this](const error_code& error,
                                                         tcp::socket socket) {
      if (!acceptor->is_open()) return;  // It drains.
      if (error) {
        LOG_EVERY_N(WARNING, 100) << "a connection for HTTP was not accepted: " << error.message();
        pause->expires_after(kAcceptPause);
        pause->async_wait([this](const error_code& stopped) {
          if (!stopped) Accept();
        });
        return;
      }
      ServeConnection(&context, std::move(socket), tls == nullptr ? nullptr : tls->Current());
      Accept();
    });
  }

  ConnectionContext context;
  asio::io_context io;
  std::unique_ptr<TlsContext> tls;
  std::unique_ptr<tcp::acceptor> acceptor;
  std::unique_ptr<asio::steady_timer> pause;
  std::unique_ptr<asio::executor_work_guard<asio::io_context::executor_type>> work;
  std::vector<std::thread> threads;
  int port = 0;
};

Server::Server(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

// Only for want of memory. NOLINTNEXTLINE(bugprone-exception-escape)
Server::~Server() { Shutdown(); }

int Server::port() const { return parts_->port; }

absl::StatusOr<std::unique_ptr<Server>> Server::Start(const ServerOptions& options,
                                                      Handler* handler) {
  std::unique_ptr<Server> server(new Server(std::make_unique<Parts>(options, handler)));
  Parts* const parts = server->parts_.get();
  if (!options.tls.empty()) {
    ASSIGN_OR_RETURN(parts->tls, TlsContext::Load(options.tls));
  }
  ASSIGN_OR_RETURN(tcp::acceptor acceptor, Listen(&parts->io, options.listen));
  parts->acceptor = std::make_unique<tcp::acceptor>(std::move(acceptor));
  parts->pause = std::make_unique<asio::steady_timer>(parts->acceptor->get_executor());
  parts->port = parts->acceptor->local_endpoint().port();
  parts->work = std::make_unique<asio::executor_work_guard<asio::io_context::executor_type>>(
      parts->io.get_executor());
  asio::post(parts->acceptor->get_executor(), [parts] { parts->Accept(); });
  for (int i = 0; i < kThreads; ++i) {
    parts->threads.emplace_back([parts] { parts->io.run(); });
  }
  return server;
}

void Server::BeginDrain() {
  Parts* const parts = parts_.get();
  if (parts->threads.empty()) return;
  asio::post(parts->acceptor->get_executor(), [parts] {
    error_code ignored;
    parts->acceptor->close(ignored);
    parts->pause->cancel();
  });
  parts->context.open.DrainAll();
}

void Server::AwaitAnswers(std::chrono::milliseconds patience) {
  if (!parts_->threads.empty()) parts_->context.open.CutAfter(patience);
}

void Server::Shutdown() {
  if (parts_->threads.empty()) return;
  BeginDrain();
  AwaitAnswers(std::chrono::milliseconds(0));
  parts_->context.live.AwaitNone();
  parts_->work.reset();
  for (std::thread& thread : parts_->threads) thread.join();
  parts_->threads.clear();
}

}  // namespace longshore::http
