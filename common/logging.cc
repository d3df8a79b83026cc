#include "common/logging.h"

#include <glog/logging.h>
#include <grpc/support/log.h>
#include <unistd.h>

#include <cstdio>
#include <ctime>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "common/log_fields.h"
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

// RFC 3339, in microseconds.
std::string UtcTime(const google::LogMessageTime& time) {
  const time_t seconds = time.timestamp();
  tm utc = {};
  gmtime_r(&seconds, &utc);
  char text[64];
  const size_t size = strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &utc);
  std::snprintf(text + size, sizeof(text) - size, ".%06dZ", time.usec());
  return text;
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

bool ParseLogFormat(std::string_view text, LogFormat* format) {
  if (text != "text" && text != "json") return false;
  *format = text == "json" ? LogFormat::kJson : LogFormat::kText;
  return true;
}

class Logging::Sink : public google::LogSink {
 public:
  Sink(std::string_view program, LogFormat format)
      : program_(program.substr(program.rfind('/') + 1)), format_(format) {}

  void send(google::LogSeverity severity, const char* /*full_filename*/, const char* base_filename,
            int line, const google::LogMessageTime& time, const char* message,
            size_t length) override {
    const std::string text =
        format_ == LogFormat::kText
            ? ToShownLine(ToString(severity, base_filename, line, time, message, length))
            : Json(severity, base_filename, line, time, {message, length});
    // One write, so that the lines of two threads do not mix.
    WriteToStandardError(text + "\n");
  }

 private:
  std::string Json(google::LogSeverity severity, const char* file, int line,
                   const google::LogMessageTime& time, std::string_view message) const {
    nlohmann::ordered_json object{{"time", UtcTime(time)},
                                  {"severity", google::GetLogSeverityName(severity)},
                                  {"message", message},
                                  {"source", std::string(file) + ":" + std::to_string(line)},
                                  {"program", program_}};
    for (const LogField* field : LogFields::Current()) {
      std::visit([&](const auto& value) { object[field->name] = value; }, field->value);
    }
    // ASCII, so that nothing in a name does anything to who looks at it.
    return object.dump(-1, ' ', /*ensure_ascii=*/true, nlohmann::json::error_handler_t::replace);
  }

  const std::string program_;
  const LogFormat format_;
};

Logging::Logging(const char* program, LogFormat format)
    : sink_(std::make_unique<Sink>(program, format)) {
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
