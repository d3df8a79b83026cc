#include "http/server.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "common/live_count.h"
#include "common/mutex.h"
#include "http/target.h"

namespace longshore::http {
namespace {

using std::chrono::milliseconds;

// A client of one connection.
class Client {
 public:
  explicit Client(int port) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    timeval patience = {.tv_sec = 60};
    setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(static_cast<uint16_t>(port))};
    inet_pton(AF_INET, "127.0.0.1", &address.sin_addr);
    EXPECT_EQ(connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  }
  ~Client() { close(socket_); }

  void Send(const std::string& bytes) {
    EXPECT_EQ(send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(bytes.size()));
  }
  // Reads until `end` has come; all there is, when the server closes before.
  std::string ReadUntil(const std::string& end) {
    while (read_.find(end) == std::string::npos) {
      char piece[4096];
      const ssize_t got = recv(socket_, piece, sizeof(piece), 0);
      if (got <= 0) return std::exchange(read_, "");
      read_.append(piece, got);
    }
    const size_t size = read_.find(end) + end.size();
    std::string found = read_.substr(0, size);
    read_.erase(0, size);
    return found;
  }
  std::string ReadAll() { return ReadUntil("\a"); }

 private:
  const int socket_;
  std::string read_;
};

std::string Post(const std::string& path, const std::string& body) {
  return "POST " + path + " HTTP/1.1\r\nHost: 127.0.0.1\r\nX: " + std::string(200, 'x') +
         "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

// Writes "1", "2" and "3"; of the path /forever, until the client has gone.
class Counter : public StreamClient {
 public:
  Counter(std::shared_ptr<Exchange> exchange, LiveCount* live)
      : member_(live), exchange_(std::move(exchange)) {}
  void OnWritable() override {
    if (++written_ > 3 && exchange_->request().path != "/forever") return exchange_->End();
    exchange_->Write(std::to_string(written_));
  }
  void OnGone() override {}

 private:
  const LiveCount::Member member_;
  const std::shared_ptr<Exchange> exchange_;
  int written_ = 0;
};

class Silent : public StreamClient {
 public:
  void OnWritable() override {}
  void OnGone() override {}
};

// /echo answers with the body, by another thread; /drop not at all; /silent begins and no more.
class TestHandler : public Handler {
 public:
  void Handle(std::shared_ptr<Exchange> exchange) override {
    const std::string& path = exchange->request().path;
    if (path == "/drop") return;
    if (path == "/silent") {
      MutexLock lock(&mutex_);
      kept_ = exchange;
      exchange->Begin({}, std::make_shared<Silent>(), {.text = "beat", .period = milliseconds(1)});
      return;
    }
    if (path == "/count" || path == "/forever") {
      exchange->Begin({}, std::make_shared<Counter>(exchange, &counters));
      return;
    }
    std::thread([exchange] { exchange->Respond({.body = exchange->request().body}); }).join();
  }
  void Forget() {
    MutexLock lock(&mutex_);
    kept_ = nullptr;
  }

  LiveCount counters;

 private:
  Mutex mutex_;
  std::shared_ptr<Exchange> kept_ ABSL_GUARDED_BY(mutex_);
};

class ServerTest : public testing::Test {
 protected:
  ServerTest() : server_(Server::Start({.listen = "127.0.0.1:0"}, &handler_).value()) {}
  int port() const { return server_->port(); }

  TestHandler handler_;
  std::unique_ptr<Server> server_;
};

TEST_F(ServerTest, AnswersRequestsInTheirOrder) {
  Client client(port());
  std::string requests;
  for (int i = 0; i < 100; ++i) requests += Post("/echo", "<" + std::to_string(i) + ">");
  client.Send(requests);
  for (int i = 0; i < 100; ++i) {
    EXPECT_NE(client.ReadUntil(">").find("<" + std::to_string(i) + ">"), std::string::npos) << i;
  }
}

TEST_F(ServerTest, AnswersByPieces) {
  Client client(port());
  client.Send(Post("/count", ""));
  const std::string answer = client.ReadAll();
  EXPECT_NE(answer.find("Transfer-Encoding: chunked\r\n"), std::string::npos) << answer;
  EXPECT_NE(answer.find("\r\n\r\n1\r\n1\r\n1\r\n2\r\n1\r\n3\r\n0\r\n\r\n"), std::string::npos);
  handler_.counters.AwaitNone();
}

TEST_F(ServerTest, SpeaksWhatItsClientSpeaks) {
  Client client(port());
  client.Send("POST /count HTTP/1.0\r\n\r\n");
  const std::string answer = client.ReadAll();
  EXPECT_TRUE(answer.starts_with("HTTP/1.0 200 OK\r\n")) << answer;
  EXPECT_TRUE(answer.ends_with("\r\n\r\n123")) << answer;
}

TEST_F(ServerTest, AHeadHasNoBody) {
  Client client(port());
  client.Send("HEAD /count HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_TRUE(client.ReadAll().ends_with("\r\n\r\n"));
  handler_.counters.AwaitNone();
}

TEST_F(ServerTest, ASilentStreamBeats) {
  Client client(port());
  client.Send(Post("/silent", ""));
  client.ReadUntil("4\r\nbeat\r\n4\r\nbeat\r\n");
  handler_.Forget();  // Nobody can go on with the answer.
  client.ReadAll();
}

TEST_F(ServerTest, AnAnswerThatIsNotGivenCutsTheConnection) {
  Client client(port());
  client.Send(Post("/drop", ""));
  EXPECT_EQ(client.ReadAll(), "");
}

TEST_F(ServerTest, NoticesThatAClientHasGone) {
  {
    Client client(port());
    client.Send(Post("/forever", ""));
    client.ReadUntil("\r\n\r\n");
  }
  handler_.counters.AwaitNone();
}

TEST_F(ServerTest, CutsWhatDoesNotEnd) {
  Client streaming(port());
  streaming.Send(Post("/forever", ""));
  streaming.ReadUntil("\r\n\r\n");
  Client idle(port());
  idle.Send(Post("/echo", "<x>"));
  idle.ReadUntil("<x>");
  server_->Shutdown();
  EXPECT_EQ(idle.ReadAll(), "");
  handler_.counters.AwaitNone();
}

TEST(ServerStartTest, SaysWhyItCannotListen) {
  TestHandler handler;
  for (const char* address : {"nonsense", "127.0.0.1:x", "192.0.2.1:0", "256.0.0.1:0"}) {
    EXPECT_EQ(Server::Start({.listen = address}, &handler).status().code(),
              absl::StatusCode::kFailedPrecondition)
        << address;
  }
}

TEST(TargetTest, TakesThePortFromAHost) {
  EXPECT_EQ(WithoutPort("a.example:443"), "a.example");
  EXPECT_EQ(WithoutPort("a.example"), "a.example");
  EXPECT_EQ(WithoutPort("[::1]:443"), "[::1]");
  EXPECT_EQ(WithoutPort("[::1]"), "[::1]");
  EXPECT_EQ(WithoutPort(":443"), "");
}

TEST(TargetTest, DecodesPathsAndQueries) {
  EXPECT_EQ(PathSegments("/a/b%20c/%2F"), (std::vector<std::string>{"a", "b c", "/"}));
  EXPECT_EQ(PathSegments("/"), (std::vector<std::string>{""}));
  for (const char* path : {"/%", "/%1", "/%g0", "/%-1", "/% 1"}) {
    EXPECT_FALSE(PathSegments(path).has_value()) << path;
  }
  EXPECT_EQ(QueryFields("a=1&b=x+y%26&&c&=d"),
            (Fields{{"a", "1"}, {"b", "x y&"}, {"c", ""}, {"", "d"}}));
  EXPECT_FALSE(QueryFields("a=%zz").has_value());
}

}  // namespace
}  // namespace longshore::http
