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

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "http/endpoint.h"
#include "http/request_head.h"

namespace longshore::http {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace beast_http = boost::beast::http;
using asio::ip::tcp;
using beast::error_code;

constexpr uint32_t kMaxHeaderBytes = 16 << 10;
// A body up to this size is not counted.
constexpr int64_t kSmallBody = 64 << 10;
// A client that was refused in the middle of its request may go on to send so much, for so long,
// until it reads why.
constexpr size_t kMaxDiscarded = 16 << 20;
constexpr std::chrono::seconds kDiscardLimit{5};
constexpr std::chrono::seconds kGoodbyeLimit{2};

using PlainStream = beast::tcp_stream;
using TlsStream = beast::ssl_stream<beast::tcp_stream>;

std::string HttpDate() {
  return absl::FormatTime("%a, %d %b %Y %H:%M:%S GMT", absl::Now(), absl::UTCTimeZone());
}

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
      if (self->state_ == State::kIdle) self->Close();
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
    ~RequestExchange() override {
      Post([](Connection& connection) {
        if (connection.state_ == State::kAnswering && !connection.answered_) connection.Close();
        if (connection.state_ == State::kStreaming && !connection.ended_) connection.Close();
      });
    }

    const Request& request() const override { return request_; }
    void Respond(Response response) override {
      Post([response = std::move(response)](Connection& connection) mutable {
        connection.Respond(std::move(response));
      });
    }
    void Begin(Response head, std::shared_ptr<StreamClient> client, Heartbeat heartbeat) override {
      Post([head = std::move(head), client = std::move(client),
            heartbeat = std::move(heartbeat)](Connection& connection) mutable {
        connection.Begin(std::move(head), std::move(client), std::move(heartbeat));
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
      return Refuse(*std::move(refusal));
    }
    const int64_t most = parser_->chunked()
                             ? context_.options.max_body_bytes
                             : static_cast<int64_t>(parser_->content_length().value_or(0));
    if (most > kSmallBody) {
      body_share_ = context_.bodies.Take(most);
      if (!body_share_) {
        Response busy =
            PlainError(503, "UNAVAILABLE", "too many large requests at once; try again");
        busy.headers.emplace_back("retry-after", "1");
        return Refuse(std::move(busy));
      }
    }
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

  void ReadBody() {
    beast_http::async_read(
        stream_, buffer_, *parser_,
        [self = this->shared_from_this()](const error_code& error, size_t /*bytes*/) {
          if (self->state_ == State::kClosed) return;
          error ? self->ReadFailed(error) : self->HandleRequest();
        });
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
  void Refuse(Response response) {
    state_ = State::kAnswering;
    keep_alive_ = false;
    head_only_ = false;
    discards_ = true;
    Respond(std::move(response));
  }

  void HandleRequest() {
    state_ = State::kAnswering;
    auto message = parser_->release();
    keep_alive_ = message.keep_alive();
    head_only_ = message.method() == beast_http::verb::head;
    version_ = message.version();
    discards_ = false;
    Request request{
        .method = std::string(message.method_string()),
        .body = std::move(message.body()),
        .peer = peer_,
        .secure = tls_ != nullptr,
        .host_is_ours = IsOwnHost(std::string(message[beast_http::field::host]), tls_.get())};
    const std::string target(message.target());
    const size_t question = target.find('?');
    request.path = target.substr(0, question);
    if (question != std::string::npos) request.query = target.substr(question + 1);
    for (const auto& field : message) {
      request.headers.emplace_back(absl::AsciiStrToLower(std::string(field.name_string())),
                                   std::string(field.value()));
    }
    context_.handler->Handle(
        std::make_shared<RequestExchange>(this->shared_from_this(), serial_, std::move(request)));
  }

  template <typename Message>
  void FillHead(const Response& response, Message* message) {
    message->version(version_);
    message->result(static_cast<unsigned>(response.status));
    message->set(beast_http::field::date, HttpDate());
    for (const auto& [name, value] : response.headers) message->insert(name, value);
    message->keep_alive(keep_alive_ && !draining_);
  }

  void Respond(Response response) {
    if (state_ != State::kAnswering || answered_) return;
    answered_ = true;
    const size_t size = response.body.size();
    auto message = std::make_shared<beast_http::response<beast_http::string_body>>();
    FillHead(response, message.get());
    // A 204 and a 304 have no body, and no length either (RFC 9110, 8.6).
    if (response.status != 204 && response.status != 304) message->content_length(size);
    if (!head_only_) message->body() = std::move(response.body);
    lowest().expires_after(context_.options.write_limit);
    auto serializer =
        std::make_shared<beast_http::response_serializer<beast_http::string_body>>(*message);
    const bool again = message->keep_alive();
    auto done = [self = this->shared_from_this(), message, serializer, again](
                    const error_code& error, size_t /*bytes*/) {
      self->body_share_ = {};
      if (self->state_ == State::kClosed) return;
      if (error) return self->Close();
      if (again) return self->ReadHead();
      self->SayGoodbye();
    };
    if (head_only_) {
      beast_http::async_write_header(stream_, *serializer, std::move(done));
    } else {
      beast_http::async_write(stream_, *serializer, std::move(done));
    }
  }

  void Begin(Response head, std::shared_ptr<StreamClient> client, Heartbeat heartbeat) {
    if (state_ != State::kAnswering || answered_) {
      client->OnGone();
      return;
    }
    answered_ = true;
    state_ = State::kStreaming;
    ended_ = false;
    client_ = std::move(client);
    heartbeat_ = std::move(heartbeat);
    keep_alive_ = false;
    auto message = std::make_shared<beast_http::response<beast_http::empty_body>>();
    FillHead(head, message.get());
    chunked_ = version_ == 11;
    if (chunked_) message->chunked(true);
    auto serializer =
        std::make_shared<beast_http::response_serializer<beast_http::empty_body>>(*message);
    body_share_ = {};
    lowest().expires_after(context_.options.write_limit);
    beast_http::async_write_header(stream_, *serializer,
                                   [self = this->shared_from_this(), message, serializer](
                                       const error_code& error, size_t /*bytes*/) {
                                     if (self->state_ == State::kClosed) return;
                                     if (error || self->head_only_) return self->Close();
                                     self->ListenWhileStreaming();
                                     self->AwaitHeartbeat();
                                     self->client_->OnWritable();
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
      if (stopped || self->state_ != State::kStreaming || self->ended_) return;
      self->beating_ = true;
      self->WritePiece(self->heartbeat_.text, [](Connection& connection) {
        connection.beating_ = false;
        connection.AwaitHeartbeat();
        connection.WriteWaiting();
      });
    });
  }

  void Write(std::string piece) {
    if (state_ != State::kStreaming || ended_) return;
    waiting_ = std::move(piece);
    if (!beating_) WriteWaiting();
  }

  void End() {
    if (state_ != State::kStreaming || ended_) return;
    ended_ = true;
    client_ = nullptr;
    if (!beating_) WriteWaiting();
  }

  // Writes the piece, or the end, that a heartbeat under way has held up.
  void WriteWaiting() {
    if (ended_) {
      timer_.cancel();
      if (!chunked_) return SayGoodbye();
      WriteBuffers(beast_http::make_chunk_last(),
                   [](Connection& connection) { connection.SayGoodbye(); });
    } else if (!waiting_.empty()) {
      timer_.cancel();
      WritePiece(std::exchange(waiting_, ""), [](Connection& connection) {
        connection.AwaitHeartbeat();
        if (connection.client_ != nullptr) connection.client_->OnWritable();
      });
    }
  }

  template <typename Done>
  void WritePiece(std::string piece, Done done) {
    piece_ = std::move(piece);
    if (chunked_) {
      WriteBuffers(beast_http::make_chunk(asio::buffer(piece_)), done);
    } else {
      WriteBuffers(asio::buffer(piece_), done);
    }
  }

  template <typename Buffers, typename Done>
  void WriteBuffers(const Buffers& buffers, Done done) {
    lowest().expires_after(context_.options.write_limit);
    asio::async_write(
        stream_, buffers,
        [self = this->shared_from_this(), done](const error_code& error, size_t /*bytes*/) {
          if (self->state_ == State::kClosed) return;
          error ? self->Close() : done(*self);
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
  beast::flat_buffer buffer_;  // What was read beyond the last request.
  std::optional<beast_http::request_parser<beast_http::string_body>> parser_;
  BodyBudget::Share body_share_;
  // Of the request under way.
  int64_t serial_ = 0;
  bool answered_ = false;
  bool keep_alive_ = false;
  bool head_only_ = false;
  bool discards_ = false;
  unsigned version_ = 11;
  // Of the stream under way.
  std::shared_ptr<StreamClient> client_;
  bool chunked_ = false;
  bool ended_ = false;
  Heartbeat heartbeat_;
  bool beating_ = false;  // A heartbeat is being written.
  std::string piece_;     // It is being written.
  std::string waiting_;   // To be written next.
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
