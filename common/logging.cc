#include "common/logging.h"

#include <glog/logging.h>
#include <grpc/support/log.h>
#include <unistd.h>

#include <string>
#include <string_view>

#include "common/utf8.h"

namespace longshore {
namespace {

google::LogSeverity SeverityOf(gpr_log_severity severity) {
  switch (severity) {
    case GPR_LOG_SEVERITY_ERROR:
      return google::GLOG_ERROR;
    case GPR_LOG_SEVERITY_INFO:
    case GPR_LOG_SEVERITY_DEBUG:
      break;
  }
  return google::GLOG_INFO;
}

void LogForGrpc(gpr_log_func_args* message) {
  google::LogMessage(message->file, message->line, SeverityOf(message->severity)).stream()
      << message->message;
}

// A log that cannot be written has nobody left to be told.
void WriteToStandardError(std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = write(STDERR_FILENO, text.data(), text.size());
    if (written <= 0) return;
    text.remove_prefix(static_cast<size_t>(written));
  }
}

}  // namespace

class Logging::Sink : public google::LogSink {
 public:
  void send(google::LogSeverity severity, const char* /*full_filename*/, const char* base_filename,
            int line, const google::LogMessageTime& time, const char* message,
            size_t length) override {
    // One write, so that the lines of two threads do not mix.
    WriteToStandardError(
        ToShownLine(ToString(severity, base_filename, line, time, message, length)) + "\n");
  }
};

Logging::Logging(const char* program) : sink_(std::make_unique<Sink>()) {
  FLAGS_logtostderr = false;
  FLAGS_alsologtostderr = false;
  FLAGS_stderrthreshold = google::NUM_SEVERITIES;
  for (int severity = 0; severity < google::NUM_SEVERITIES; ++severity) {
    google::SetLogDestination(severity, "");
  }
  google::InitGoogleLogging(program);
  google::AddLogSink(sink_.get());
  gpr_set_log_function(LogForGrpc);
}

Logging::~Logging() {
  gpr_set_log_function(nullptr);
  google::RemoveLogSink(sink_.get());
  google::ShutdownGoogleLogging();
}

}  // namespace longshore
