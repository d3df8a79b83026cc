// The log of a program: standard error, one line for each message whatever its text holds.
#ifndef LONGSHORE_COMMON_LOGGING_H_
#define LONGSHORE_COMMON_LOGGING_H_

#include <memory>

namespace longshore {

// While it lives, messages of glog, and those of gRPC, go to standard error in glog's format, each
// as one line: control characters and those that turn the direction of writing are shown as
// `\x0a` and `\u202e`, because a name from outside may hold them. glog's own files and its flags
// about where to log are not used. Create one in main(), after the flags were parsed.
class Logging {
 public:
  // `program` outlives the object.
  explicit Logging(const char* program);
  ~Logging();
  Logging(const Logging&) = delete;
  Logging& operator=(const Logging&) = delete;

 private:
  class Sink;
  const std::unique_ptr<Sink> sink_;
};

}  // namespace longshore

#endif  // LONGSHORE_COMMON_LOGGING_H_
