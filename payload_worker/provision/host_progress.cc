#include "payload_worker/provision/host_progress.h"

#include <utility>

#include "absl/strings/str_split.h"
#include "common/utf8.h"

namespace longshore::provision {
namespace {

// An event's log has room for 64 KiB.
constexpr size_t kMaxLogBytes = 36 * 1024;
// Each may become a replacement character of 3.
constexpr size_t kMaxOutputBytes = 8 * 1024;
constexpr size_t kMaxErrorBytes = 4 * 1024;

std::string Tail(const std::string& text, size_t limit) {
  return text.size() <= limit ? text : text.substr(text.size() - limit);
}

// Lines of printable text, whatever the bytes are.
std::string ToLines(const std::string& bytes) {
  const std::vector<std::string> lines = absl::StrSplit(bytes, '\n', absl::SkipEmpty());
  std::string text;
  for (const std::string& line : lines) text += ToPrintableLine(line, kMaxErrorBytes) + "\n";
  return text;
}

// The last line that says something.
std::string LastLine(std::string text) {
  text.erase(text.find_last_not_of(" \r\n") + 1);
  return text.substr(text.find_last_of('\n') + 1);
}

}  // namespace

HostProgress::HostProgress(std::string title) : log_(std::move(title) + "\n") {}

std::optional<v1::Provisioned> HostProgress::Add(const Record& record) {
  if (record.kind == Record::Kind::kReady) return Ready();
  if (record.kind == Record::Kind::kEnd) return record.ready ? Ready() : Failure();
  std::string line = record.status + ": " + record.task;
  if (!record.message.empty()) line += ": " + record.message;
  line = ToLines(line);
  if (log_.size() + line.size() < kMaxLogBytes) log_ += line;
  if (record.status == "failed" || record.status == "unreachable") {
    unreachable_ = record.status == "unreachable";
    error_ = ToPrintableLine(
        unreachable_ ? record.message : "'" + record.task + "' failed: " + record.message,
        kMaxErrorBytes);
    final_ =
        !unreachable_ || record.message.find("Host key verification failed") != std::string::npos;
  }
  return std::nullopt;
}

v1::Provisioned HostProgress::Ready() const {
  v1::Provisioned result;
  result.set_ready(true);
  result.set_log(log_ + "ready\n");
  return result;
}

v1::Provisioned HostProgress::Failure() const {
  v1::Provisioned result;
  result.set_error(error_.empty() ? "the playbook failed and did not say why" : error_);
  result.set_retry(!final_);
  result.set_unreachable(unreachable_ && !final_);
  result.set_log(log_ + "not ready: " + result.error() + "\n");
  return result;
}

v1::Provisioned HostProgress::AtRunEnd(const std::string& how, const std::string& output) const {
  if (!error_.empty()) return Failure();
  v1::Provisioned result;
  result.set_retry(true);
  const std::string last = LastLine(output);
  result.set_error(ToPrintableLine(how + (last.empty() ? "" : ": " + last), kMaxErrorBytes));
  result.set_log(log_ + "not ready: " + how + "\n");
  if (!output.empty()) {
    *result.mutable_log() += "its output:\n" + ToLines(Tail(output, kMaxOutputBytes));
  }
  return result;
}

}  // namespace longshore::provision
