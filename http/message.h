// HTTP requests and answers, as handlers see them.
#ifndef LONGSHORE_HTTP_MESSAGE_H_
#define LONGSHORE_HTTP_MESSAGE_H_

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace longshore::http {

// Names and values, in their order. A name may come more than once.
using Fields = std::vector<std::pair<std::string, std::string>>;

struct Request {
  std::string method;  // For example "GET".
  std::string path;    // As it came, percent-encoded; begins with '/'.
  std::string query;   // As it came, without the '?'.
  Fields headers;      // Their names are in lower case.
  std::string body;
  std::string peer;     // Where it comes from, as gRPC writes it: "ipv4:127.0.0.1:40000".
  bool secure = false;  // It came over TLS.
  // Its Host is a name of this server: one of the certificate's, or without TLS of the loopback.
  bool host_is_ours = false;
};

// Returns the values of the headers called `name`, which is in lower case.
std::vector<std::string> HeaderValues(const Request& request, std::string_view name);
// Returns the value of the first of them; empty when there is none.
std::string_view HeaderValue(const Request& request, std::string_view name);

struct Response {
  int status = 200;
  Fields headers;  // Besides those of the connection, and the length.
  std::string body;
};

// The client of an answer that is sent piece by piece. Thread-safe.
class StreamClient {
 public:
  virtual ~StreamClient() = default;
  // The piece before has been sent, so that the next may be written; or the stream has just begun.
  virtual void OnWritable() = 0;
  // The client has gone or reads too slowly, or the server goes away. It is the last call, and
  // comes at most once; not after End.
  virtual void OnGone() = 0;
};

// What is sent by itself when a stream has been silent for so long.
struct Heartbeat {
  std::string text;
  std::chrono::milliseconds period{0};  // 0: nothing is sent.
};

// A request, and the one answer to it: Respond, or Begin, any number of Write, and End. The
// connection is cut when it is dropped without. Thread-safe; after the client has gone all of it
// does nothing.
class Exchange {
 public:
  virtual ~Exchange() = default;

  virtual const Request& request() const = 0;
  // Sends the whole answer.
  virtual void Respond(Response response) = 0;
  // Begins an answer whose length is not known. The body of `head` is not looked at.
  virtual void Begin(Response head, std::shared_ptr<StreamClient> client,
                     Heartbeat heartbeat = {}) = 0;
  // Sends a piece, which is not empty. Only after OnWritable, once each time.
  virtual void Write(std::string piece) = 0;
  // After OnWritable; nothing is written any more.
  virtual void End() = 0;
  // Cuts the connection, so that the client knows that the answer is not whole.
  virtual void Abort() = 0;
};

// Answers requests. Thread-safe. It outlives the server.
class Handler {
 public:
  virtual ~Handler() = default;
  // Must not block. `exchange` may be kept, and answered later by any thread.
  virtual void Handle(std::shared_ptr<Exchange> exchange) = 0;
};

}  // namespace longshore::http

#endif  // LONGSHORE_HTTP_MESSAGE_H_
