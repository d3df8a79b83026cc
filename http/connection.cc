#include "http/connection.h"

#include <array>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl/ssl_stream.hpp>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "http/endpoint.h"
#include "http/request_head.h"
#include "http/response_head.h"

namespace longshore::http {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace beast_http = boost::beast::http;
using asio::ip::tcp;
using beast::error_code;

constexpr uint32_t kMaxHeaderBytes = 16 << 10;
// Longer than any head, and than anything else that is read line by line.
constexpr size_t kMaxBufferBytes = 64 << 10;
// A body up to this size is not counted; a longer one takes its share as it comes.
constexpr int64_t kSmallBody = 64 << 10;
constexpr int64_t kShareBytes = 512 << 10;
// A client that was refused in the middle of its request may go on to send so much, for so long,
// until it reads why.
constexpr size_t kMaxDiscarded = 16 << 20;
constexpr std::chrono::seconds kDiscardLimit{5};
constexpr std::chrono::seconds kGoodbyeLimit{2};

using PlainStream = beast::tcp_stream;
using TlsStream = beast::ssl_stream<beast::tcp_stream>;

// What is private is done by the strand.
template <typename Stream>
class Connection : public OpenConnection, public std::enable_shared_from_this<Connection<Stream>> {
 public:
  template <typename... StreamArgs>
  explicit Connection(ConnectionContext* context, std::shared_ptr<TlsContext::Context> tls,
                      StreamArgs&&... stream_args)
      : live_(&context->live),
        context_(*context),
        tls_(std::move(tls)),
        stream_(std::forward<StreamArgs>(stream_args)...),
        timer_(stream_.get_executor()),
        peer_(PeerOf(lowest().socket())) {
    error_code ignored;
    lowest().socket().set_option(tcp::no_delay(true), ignored);
    // A client that is not there any more takes nothing from the kernel either.
    lowest().socket().set_option(
        asio::detail::socket_option::integer<IPPROTO_TCP, TCP_USER_TIMEOUT>(
            static_cast<int>(context->options.write_limit.count())),
        ignored);
  }

  ~Connection() override { context_.open.Remove(number_); }

  void Start() {
    number_ = context_.open.Add(this->weak_from_this(), context_.options.max_connections);
    if (number_ == 0) return;
    asio::post(stream_.get_executor(), [self = this->shared_from_this()] { self->Greet(); });
  }

  void Drain() override {
    asio::post(stream_.get_executor(), [self = this->shared_from_this()] {
      self->draining_ = true;
      // What has not come wholly has had no effect, and its client knows that.
      if (self->state_ == State::kIdle || self->state_ == State::kReading) self->Close();
    });
  }

  void Cut() override {
    asio::post(stream_.get_executor(), [self = this->shared_from_this()] { self->Close(); });
  }

 private:
  enum class State { kIdle, kReading, kAnswering, kStreaming, kClosed };

  // The answers to one request.
  class RequestExchange : public Exchange {
   public:
    RequestExchange(std::shared_ptr<Connection> connection, int64_t serial, Request request)
        : connection_(std::move(connection)), serial_(serial), request_(std::move(request)) {}
    // Only for want of memory. NOLINTNEXTLINE(bugprone-exception-escape)
    ~RequestExchange() override {
      Post([](Connection& connection) {
        if (connection.state_ == State::kAnswering && !connection.answered_) connection.Close();
        if (connection.state_ == State::kStreaming && !connection.ended_) connection.Close();
      });
    }

    const Request& request() const override { return request_; }
    void Respond(Response response) override {
      Post([response = std::move(response)](Connection& connection) {
        connection.Respond(response);
      });
    }
    void Begin(Response head, std::shared_ptr<StreamClient> client, Heartbeat heartbeat) override {
      Post([head = std::move(head), client = std::move(client),
            heartbeat = std::move(heartbeat)](Connection& connection) mutable {
        connection.Begin(head, std::move(client), std::move(heartbeat));
      });
    }
    void Write(std::string piece) override {
      Post([piece = std::move(piece)](Connection& connection) mutable {
        connection.Write(std::move(piece));
      });
    }
    void End() override {
      Post([](Connection& connection) { connection.End(); });
    }
    void Abort() override {
      Post([](Connection& connection) { connection.Close(); });
    }

   private:
    // Once the connection has gone on to another request nothing is done.
    template <typename Work>
    void Post(Work work) {
      asio::post(connection_->stream_.get_executor(),
                 [connection = connection_, serial = serial_, work = std::move(work)]() mutable {
                   if (connection->serial_ == serial) work(*connection);
                 });
    }

    const std::shared_ptr<Connection> connection_;
    const int64_t serial_;
    const Request request_;
  };

  beast::tcp_stream& lowest() { return beast::get_lowest_layer(stream_); }

  void Greet() {
    if constexpr (std::is_same_v<Stream, TlsStream>) {
      lowest().expires_after(context_.options.handshake_limit);
      stream_.async_handshake(asio::ssl::stream_base::server,
                              [self = this->shared_from_this()](const error_code& error) {
                                error ? self->Close() : self->ReadHead();
                              });
    } else {
      ReadHead();
    }
  }

  void ReadHead() {
    if (draining_) return Close();
    state_ = State::kIdle;
    ++serial_;
    answered_ = false;
    if (buffer_.size() == 0) buffer_.shrink_to_fit();
    parser_.emplace();
    parser_->header_limit(kMaxHeaderBytes);
    parser_->body_limit(static_cast<uint64_t>(context_.options.max_body_bytes));
    lowest().expires_after(context_.options.request_limit);
    beast_http::async_read_header(
        stream_, buffer_, *parser_,
        [self = this->shared_from_this()](const error_code& error, size_t /*bytes*/) {
          self->HeadRead(error);
        });
  }

  void HeadRead(const error_code& error) {
    if (state_ == State::kClosed) return;
    if (error) return ReadFailed(error);
    state_ = State::kReading;
    const auto& head = parser_->get();
    if (std::optional<Response> refusal = RefuseHead(head); refusal.has_value()) {
      return Refuse(*refusal);
    }
    TakeHead(head);
    if (absl::EqualsIgnoreCase(std::string(head[beast_http::field::expect]), "100-continue") &&
        head.version() == 11) {
      return InviteBody();
    }
    ReadBody();
  }

  void InviteBody() {
    static constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
    asio::async_write(stream_, asio::buffer(kContinue),
                      [self = this->shared_from_this()](const error_code& error, size_t /*bytes*/) {
                        error ? self->Close() : self->ReadBody();
                      });
  }

  // From the head alone: what a chunked body has behind it is no header.
  void TakeHead(const beast_http::request_header<>& head) {
    request_ = {.method = std::string(head.method_string()),
                .peer = peer_,
                .secure = tls_ != nullptr,
                .host_is_ours = IsOwnHost(std::string(head[beast_http::field::host]), tls_.get())};
    const std::string target(head.target());
    const size_t question = target.find('?');
    request_.path = target.substr(0, question);
    if (question != std::string::npos) request_.query = target.substr(question + 1);
    for (const auto& field : head) {
      request_.headers.emplace_back(absl::AsciiStrToLower(std::string(field.name_string())),
                                    std::string(field.value()));
    }
    keep_alive_ = parser_->get().keep_alive();
    head_only_ = head.method() == beast_http::verb::head;
    http_1_0_ = head.version() == 10;
  }

  void ReadBody() {
    if (parser_->is_done()) return HandleRequest();
    beast_http::async_read_some(
        stream_, buffer_, *parser_,
        [self = this->shared_from_this()](const error_code& error, size_t /*bytes*/) {
          if (self->state_ == State::kClosed) return;
          if (error) return self->ReadFailed(error);
          self->HasRoom() ? self->ReadBody() : self->RefuseBody();
        });
  }

  // Whether the body may be in memory as far as it has come.
  bool HasRoom() {
    const auto size = static_cast<int64_t>(parser_->get().body().size());
    while (size > kSmallBody + static_cast<int64_t>(body_shares_.size()) * kShareBytes) {
      BodyBudget::Share share = context_.bodies.Take(kShareBytes);
      if (!share) return false;
      body_shares_.push_back(std::move(share));
    }
    return true;
  }

  void RefuseBody() {
    Response busy = PlainError(503, "UNAVAILABLE", "too many large requests at once; try again");
    busy.headers.emplace_back("retry-after", "1");
    Refuse(busy);
  }

  void ReadFailed(const error_code& error) {
    static const auto& kParsing =
        beast_http::make_error_code(beast_http::error::bad_target).category();
    if (error.category() != kParsing || error == beast_http::error::end_of_stream ||
        error == beast_http::error::partial_message) {
      return Close();
    }
    if (error == beast_http::error::header_limit) {
      return Refuse(PlainError(431, "INVALID_ARGUMENT", "the head of the request is too long"));
    }
    if (error == beast_http::error::body_limit) {
      return Refuse(PlainError(413, "INVALID_ARGUMENT", "the body of the request is too long"));
    }
    Refuse(PlainError(400, "INVALID_ARGUMENT", "this is no HTTP request"));
  }

  // Answers without the handler, and ends: nobody knows where the next request would begin.
  void Refuse(const Response& response) {
    state_ = State::kAnswering;
    keep_alive_ = false;
    head_only_ = false;
    discards_ = true;
    Respond(response);
  }

  void HandleRequest() {
    state_ = State::kAnswering;
    discards_ = false;
    request_.body = std::move(parser_->get().body());
    context_.handler->Handle(
        std::make_shared<RequestExchange>(this->shared_from_this(), serial_, std::move(request_)));
  }

  void Respond(const Response& response) {
    if (state_ != State::kAnswering || answered_) return;
    answered_ = true;
    const bool again = keep_alive_ && !draining_;
    std::string bytes = ResponseHead(
        response, {.http_1_0 = http_1_0_, .keep_alive = again, .length = response.body.size()});
    if (!head_only_) bytes += response.body;
    Send(std::move(bytes), [again](Connection& connection) {
      connection.body_shares_.clear();
      again ? connection.ReadHead() : connection.SayGoodbye();
    });
  }

  void Begin(const Response& head, std::shared_ptr<StreamClient> client, Heartbeat heartbeat) {
    if (state_ != State::kAnswering || answered_) {
      client->OnGone();
      return;
    }
    answered_ = true;
    state_ = State::kStreaming;
    ended_ = false;
    client_ = std::move(client);
    heartbeat_ = std::move(heartbeat);
    body_shares_.clear();
    Send(ResponseHead(head, {.http_1_0 = http_1_0_}), [](Connection& connection) {
      if (connection.head_only_) return connection.Close();
      connection.ListenWhileStreaming();
      connection.AwaitHeartbeat();
      connection.client_->OnWritable();
    });
  }

  // What a client sends meanwhile is of no use: that it goes is.
  void ListenWhileStreaming() {
    lowest().expires_never();
    stream_.async_read_some(asio::buffer(heard_), [self = this->shared_from_this()](
                                                      const error_code& error, size_t bytes) {
      if (self->state_ != State::kStreaming || self->ended_) return;
      self->discarded_ += bytes;
      if (error || self->discarded_ > kSmallBody) return self->Close();
      self->ListenWhileStreaming();
    });
  }

  void AwaitHeartbeat() {
    if (heartbeat_.period.count() == 0) return;
    timer_.expires_after(heartbeat_.period);
    timer_.async_wait([self = this->shared_from_this()](const error_code& stopped) {
      // A timer that has rung before it was cancelled says nothing of that.
      if (stopped || self->state_ != State::kStreaming || self->ended_ || self->sending_) return;
      self->SendPiece(self->heartbeat_.text, [](Connection& connection) {
        connection.AwaitHeartbeat();
        connection.SendWaiting();
      });
    });
  }

  void Write(std::string piece) {
    if (state_ != State::kStreaming || ended_) return;
    waiting_ = std::move(piece);
    if (!sending_) SendWaiting();
  }

  void End() {
    if (state_ != State::kStreaming || ended_) return;
    ended_ = true;
    client_ = nullptr;
    if (!sending_) SendWaiting();
  }

  // Sends the piece, or the end, that a heartbeat under way has held up.
  void SendWaiting() {
    if (ended_) {
      timer_.cancel();
      if (http_1_0_) return SayGoodbye();
      Send(kLastChunk, [](Connection& connection) { connection.SayGoodbye(); });
    } else if (!waiting_.empty()) {
      timer_.cancel();
      SendPiece(std::exchange(waiting_, ""), [](Connection& connection) {
        connection.AwaitHeartbeat();
        if (connection.client_ != nullptr) connection.client_->OnWritable();
      });
    }
  }

  template <typename Done>
  void SendPiece(const std::string& piece, Done done) {
    Send(http_1_0_ ? piece : Chunk(piece), done);
  }

  // Sends all of it, and then calls `done` with this connection. One at a time.
  template <typename Done>
  void Send(std::string bytes, Done done) {
    sending_ = true;
    sent_ = std::move(bytes);
    sent_bytes_ = 0;
    SendMore(done);
  }

  // Whoever reads something at all in that time is not too slow.
  template <typename Done>
  void SendMore(Done done) {
    lowest().expires_after(context_.options.write_limit);
    stream_.async_write_some(
        asio::buffer(sent_) + sent_bytes_,
        [self = this->shared_from_this(), done](const error_code& error, size_t bytes) {
          if (self->state_ == State::kClosed) return;
          if (error) return self->Close();
          self->sent_bytes_ += bytes;
          if (self->sent_bytes_ < self->sent_.size()) return self->SendMore(done);
          self->sending_ = false;
          std::string().swap(self->sent_);
          done(*self);
        });
  }

  // So that the client knows that it has everything.
  void SayGoodbye() {
    // Not a limit of the stream's own: a read that has none may be under way.
    timer_.expires_after(discards_ ? kDiscardLimit : kGoodbyeLimit);
    timer_.async_wait([self = this->shared_from_this()](const error_code& stopped) {
      if (!stopped) self->Close();
    });
    if constexpr (std::is_same_v<Stream, TlsStream>) {
      stream_.async_shutdown(
          [self = this->shared_from_this()](const error_code& /*error*/) { self->HangUp(); });
    } else {
      HangUp();
    }
  }

  void HangUp() {
    if (state_ == State::kClosed) return;
    error_code ignored;
    lowest().socket().shutdown(tcp::socket::shutdown_send, ignored);
    discards_ ? Discard() : Close();
  }

  // Takes what still comes: closing with unread bytes would take the answer from the client.
  void Discard() {
    lowest().expires_never();
    lowest().async_read_some(asio::buffer(heard_), [self = this->shared_from_this()](
                                                       const error_code& error, size_t bytes) {
      if (self->state_ == State::kClosed) return;
      self->discarded_ += bytes;
      if (error || self->discarded_ > kMaxDiscarded) return self->Close();
      self->Discard();
    });
  }

  void Close() {
    if (state_ == State::kClosed) return;
    const bool streaming = state_ == State::kStreaming && !ended_;
    state_ = State::kClosed;
    timer_.cancel();
    lowest().close();
    if (std::shared_ptr<StreamClient> client = std::exchange(client_, nullptr);
        streaming && client != nullptr) {
      client->OnGone();
    }
  }

  const LiveCount::Member live_;
  ConnectionContext& context_;
  const std::shared_ptr<TlsContext::Context> tls_;  // The stream uses it.
  Stream stream_;
  asio::steady_timer timer_;  // Of heartbeats, and of the goodbye.
  const std::string peer_;
  int64_t number_ = 0;
  State state_ = State::kIdle;
  bool draining_ = false;
  beast::flat_buffer buffer_{kMaxBufferBytes};  // What was read beyond the last request.
  std::optional<beast_http::request_parser<beast_http::string_body>> parser_;
  std::vector<BodyBudget::Share> body_shares_;
  Request request_;  // As far as it has been read.
  // Of the request under way.
  int64_t serial_ = 0;
  bool answered_ = false;
  bool keep_alive_ = false;
  bool head_only_ = false;
  bool discards_ = false;
  bool http_1_0_ = false;
  // Of the stream under way.
  std::shared_ptr<StreamClient> client_;
  bool ended_ = false;
  Heartbeat heartbeat_;
  std::string waiting_;  // To be sent next.
  // What is being sent.
  bool sending_ = false;
  std::string sent_;
  size_t sent_bytes_ = 0;
  std::array<char, 4096> heard_;
  size_t discarded_ = 0;
};

}  // namespace

void ServeConnection(ConnectionContext* context, tcp::socket socket,
                     std::shared_ptr<TlsContext::Context> tls) {
  if (tls == nullptr) {
    std::make_shared<Connection<PlainStream>>(context, nullptr, std::move(socket))->Start();
  } else {
    TlsContext::Context& used = *tls;
    std::make_shared<Connection<TlsStream>>(context, std::move(tls), std::move(socket), used)
        ->Start();
  }
}

}  // namespace longshore::http
