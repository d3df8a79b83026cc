// The log of a program: standard error, one line for each message whatever its text holds, as glog
// writes it or as a JSON object.
#ifndef LONGSHORE_COMMON_LOGGING_H_
#define LONGSHORE_COMMON_LOGGING_H_

#include <memory>
#include <string_view>

namespace longshore {

enum class LogFormat { kText, kJson };

// Takes what --log_format says: "text" or "json". Returns false when it is neither.
bool ParseLogFormat(std::string_view text, LogFormat* format);

// While it lives, messages of glog, and those of gRPC, go to standard error, each as one line. As
// text control characters and those that turn the direction of writing are shown as `\x0a` and
// `\u202e`, because a name from outside may hold them. In JSON a line is an object with time,
// severity, message, source, program, and the LogFields of its thread, all in ASCII. glog's own
// files and its flags about where to log are not used. Create one in main(), after the flags were
// parsed.
class Logging {
 public:
  // `program` outlives the object.
  explicit Logging(const char* program, LogFormat format = LogFormat::kText);
  ~Logging();
  Logging(const Logging&) = delete;
  Logging& operator=(const Logging&) = delete;

 private:
  class Sink;
  const std::unique_ptr<Sink> sink_;
};

}  // namespace longshore

#endif  // LONGSHORE_COMMON_LOGGING_H_
