#include "cli/progress.h"

#include <unistd.h>

#include <iostream>

#include "cli/output.h"
#include "cli/visible.h"
#include "common/enum_text.h"
#include "common/payload_status.h"
#include "common/utf8.h"

namespace longshore::cli {
namespace {

constexpr size_t kMaxLineBytes = 4096;
constexpr size_t kBarCells = 20;

}  // namespace

Progress::Progress(size_t total, bool show_output)
    : total_(total),
      show_output_(show_output),
      terminal_(isatty(STDERR_FILENO) != 0),
      colours_(isatty(STDOUT_FILENO) != 0) {
  Draw();
}

void Progress::OnStatus(const v1::Payload& payload) {
  payloads_[payload.id()] = payload;
  if (terminal_ && payload.status() == v1::PAYLOAD_STATUS_FAILED) {
    Erase();
    std::cerr << VisibleText(PayloadLine(payload)) << "\n";
  }
  Draw();
}

void Progress::OnOutput(int64_t payload_id, int64_t /*offset*/, std::string_view data) {
  if (!show_output_) return;
  std::string& line = lines_[payload_id];
  line.append(data);
  Erase();
  const std::string_view whole = line;
  size_t begin = 0;
  for (size_t end = line.find('\n'); end != std::string::npos; end = line.find('\n', begin)) {
    PrintLine(payload_id, whole.substr(begin, end - begin));
    begin = end + 1;
  }
  line.erase(0, begin);
  if (line.size() > kMaxLineBytes) {
    PrintLine(payload_id, line);
    line.clear();
  }
  Draw();
}

void Progress::PrintLine(int64_t payload_id, std::string_view line) {
  const auto payload = payloads_.find(payload_id);
  const int64_t instance = payload == payloads_.end() ? 0 : payload->second.instance_id();
  std::cout << "[instance " << instance << "] "
            << (colours_ ? VisibleText(line) : ToPrintableLine(line, kMaxLineBytes)) << std::endl;
}

void Progress::Erase() {
  if (drawn_) std::cerr << "\r\033[K" << std::flush;
  drawn_ = false;
}

void Progress::Draw() {
  if (!terminal_) return;
  std::map<v1::PayloadStatus, size_t> counts;
  size_t ended = 0;
  for (const auto& [id, payload] : payloads_) {
    ++counts[payload.status()];
    if (IsTerminal(payload.status())) ++ended;
  }
  Erase();
  const size_t filled = total_ == 0 ? kBarCells : ended * kBarCells / total_;
  std::cerr << "[" << std::string(filled, '#') << std::string(kBarCells - filled, '.') << "] "
            << ended << "/" << total_ << " ended";
  for (const auto& [status, count] : counts) std::cerr << "  " << EnumText(status) << " " << count;
  std::cerr << std::flush;
  drawn_ = true;
}

void Progress::Finish() {
  Erase();
  for (const auto& [id, line] : lines_) {
    if (!line.empty()) PrintLine(id, line);
  }
  lines_.clear();
}

}  // namespace longshore::cli
