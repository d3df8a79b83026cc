// An HTTP/1.1 server. Connections hold no thread, so that thousands of streams may be open.
#ifndef LONGSHORE_HTTP_SERVER_H_
#define LONGSHORE_HTTP_SERVER_H_

#include <chrono>
#include <memory>

#include "absl/status/statusor.h"
#include "http/message.h"
#include "http/server_options.h"

namespace longshore::http {

// Start and Shutdown are called by one thread.
class Server {
 public:
  // Listens from here on. `handler` outlives the server. Errors: FailedPrecondition (the address
  // cannot be listened on, or the TLS files cannot be used).
  static absl::StatusOr<std::unique_ptr<Server>> Start(const ServerOptions& options,
                                                       Handler* handler);
  ~Server();

  int port() const;

  // Takes no more connections and requests; connections end after the answer under way.
  void BeginDrain();
  // Waits for the answers under way, and cuts what is left after `patience`. After BeginDrain.
  void AwaitAnswers(std::chrono::milliseconds patience);
  // Cuts what is left and ends the threads. Whoever keeps an Exchange drops it soon.
  void Shutdown();

 private:
  struct Parts;
  explicit Server(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace longshore::http

#endif  // LONGSHORE_HTTP_SERVER_H_
