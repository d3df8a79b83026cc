// Bytes of HTTP clients: a server reads them through its own socket. Whatever comes, it answers or
// hangs up, and serves the next client.
#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <vector>

#include "http/server.h"
#include "tests/fuzz/seeds.h"

namespace longshore::fuzz {
namespace {

class Echo : public http::Handler {
 public:
  void Handle(std::shared_ptr<http::Exchange> exchange) override {
    FUZZ_CHECK(exchange->request().path.starts_with('/'));
    FUZZ_CHECK(exchange->request().body.size() <= kMaxBody);
    exchange->Respond({.body = exchange->request().body});
  }
  static constexpr size_t kMaxBody = 1000;
};

class FuzzedServer {
 public:
  FuzzedServer()
      : server_(
            http::Server::Start({.listen = "127.0.0.1:0", .max_body_bytes = Echo::kMaxBody}, &echo_)
                .value()) {}

  // Sends `bytes`, and no more; returns what the server has to say.
  std::string Ask(std::string_view bytes) const {
    const int client = socket(AF_INET, SOCK_STREAM, 0);
    // From many addresses: each has only so many ports, and those that were used wait a minute.
    static uint32_t source = 0;
    sockaddr_in from = {.sin_family = AF_INET};
    from.sin_addr.s_addr = htonl(0x7f000002 + source++ % 1000);
    FUZZ_CHECK(bind(client, reinterpret_cast<sockaddr*>(&from), sizeof(from)) == 0);
    sockaddr_in address = {.sin_family = AF_INET,
                           .sin_port = htons(static_cast<uint16_t>(server_->port()))};
    inet_pton(AF_INET, "127.0.0.1", &address.sin_addr);
    FUZZ_CHECK(connect(client, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0);
    (void)send(client, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    shutdown(client, SHUT_WR);
    std::string answer;
    char piece[4096];
    for (ssize_t got = 0; (got = recv(client, piece, sizeof(piece), 0)) > 0;) {
      answer.append(piece, static_cast<size_t>(got));
    }
    close(client);
    return answer;
  }

 private:
  Echo echo_;
  const std::unique_ptr<http::Server> server_;
};

const FuzzedServer& TheServer() {
  static const auto* const kServer = new FuzzedServer();
  return *kServer;
}

}  // namespace

std::vector<std::string> Seeds() {
  const std::string post = "POST /a?b=c HTTP/1.1\r\nHost: a\r\n";
  const std::string get = "GET /a HTTP/1.1\r\nHost: a\r\n\r\n";
  return {
      get,
      post + "Content-Length: 3\r\n\r\nxyz" + get,
      post + "Transfer-Encoding: chunked\r\n\r\n3;a=b\r\nxyz\r\n0\r\nT: v\r\n\r\n",
      post + "Expect: 100-continue\r\nContent-Length: 1\r\n\r\nx",
      "HEAD / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
  };
}

}  // namespace longshore::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string answer =
      longshore::fuzz::TheServer().Ask({reinterpret_cast<const char*>(data), size});
  FUZZ_CHECK(answer.empty() || answer.starts_with("HTTP/1."));
  return 0;
}
