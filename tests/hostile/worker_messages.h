// Messages that a worker could send to an api_server: well-formed, and wrong in everything else. A
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

  // Returns the first message of a stream. It offers to take no assignments, because who holds a
  // lease may speak for it.
  v1::WorkerMessage Hello();
  // Returns the next message, serialized. A few of them break the protocol, which ends the stream:
  // a gap in the sequence, a second hello, bytes that are not a message.
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
