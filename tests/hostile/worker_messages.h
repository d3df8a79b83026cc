// Messages that a worker could send to an api_server: right in their form, wrong in all else. A
// seed decides.
#ifndef LONGSHORE_TESTS_HOSTILE_WORKER_MESSAGES_H_
#define LONGSHORE_TESTS_HOSTILE_WORKER_MESSAGES_H_

#include <cstdint>
#include <random>
#include <string>

#include "longshore/v1/worker_service.pb.h"

namespace longshore::hostile {

class WorkerMessages {
 public:
  explicit WorkerMessages(uint64_t seed) : random_(seed) {}

  // The first message of a stream; takes no assignments, since who holds a lease may speak for it.
  v1::WorkerMessage Hello();
  // The serialized next one. A few of them end the stream by the protocol: a sequence that is
  // broken, a second hello, bytes that are no message.
  std::string Next();

 private:
  int64_t Number();
  std::string Text();
  void FillFinished(v1::Finished* finished);
  void FillEvent(v1::TaskEvent* event);
  void FillEvents(v1::TaskEvents* events);
  void FillHeartbeat(v1::Heartbeat* heartbeat);
  bool OneIn(int n) { return random_() % n == 0; }
  void Mutate(std::string* bytes);

  std::mt19937_64 random_;
  uint64_t sequence_ = 0;
};

}  // namespace longshore::hostile

#endif  // LONGSHORE_TESTS_HOSTILE_WORKER_MESSAGES_H_
