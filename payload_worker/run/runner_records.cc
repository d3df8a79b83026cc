#include "payload_worker/run/runner_records.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <iterator>
#include <utility>

#include "common/output_limit.h"
#include "common/utf8.h"

namespace longshore::run {
namespace {

// Records are short; a longer line is noise, and is not kept whole.
constexpr size_t kMaxLineBytes = 8192;
constexpr size_t kMaxNoiseBytes = 300;
constexpr double kMaxUptimeSeconds = 1e10;  // Some 300 years.
constexpr int kMaxSignal = 64;

using Kind = RunnerRecord::Kind;

constexpr std::pair<std::string_view, Kind> kWords[] = {{"ready", Kind::kReady},
                                                        {"need-script", Kind::kNeedScript},
                                                        {"late", Kind::kLate},
                                                        {"placed", Kind::kPlaced},
                                                        {"absent", Kind::kAbsent},
                                                        {"cleaned", Kind::kCleaned},
                                                        {"alive", Kind::kAlive},
                                                        {"truncated", Kind::kTruncated},
                                                        {"running", Kind::kRunning},
                                                        {"end", Kind::kEnd},
                                                        {"lost", Kind::kLost},
                                                        {"error", Kind::kError},
                                                        {"not-placed", Kind::kNotPlaced},
                                                        {"refused", Kind::kRefused}};

std::string_view NextWord(std::string_view* rest) {
  const size_t begin = rest->find_first_not_of(' ');
  if (begin == std::string_view::npos) {
    *rest = {};
    return {};
  }
  const size_t end = std::min(rest->find(' ', begin), rest->size());
  const std::string_view word = rest->substr(begin, end - begin);
  rest->remove_prefix(end);
  return word;
}

bool NextInt(std::string_view* rest, int64_t* value) {
  const std::string_view word = NextWord(rest);
  const auto parsed = std::from_chars(word.data(), word.data() + word.size(), *value);
  return !word.empty() && parsed.ec == std::errc() && parsed.ptr == word.data() + word.size() &&
         *value >= 0 && *value <= kMaxPrintedBytes;
}

// "SIZE" or "SIZE-HEADER": the size of a file, of which a header of so many bytes does not count.
bool NextSize(std::string_view* rest, int64_t* value) {
  std::string_view word = NextWord(rest);
  const size_t minus = word.find('-');
  int64_t header = 0;
  if (minus != std::string_view::npos) {
    std::string_view second = word.substr(minus + 1);
    word = word.substr(0, minus);
    if (!NextInt(&second, &header)) return false;
  }
  if (!NextInt(&word, value)) return false;
  *value = std::max<int64_t>(0, *value - header);
  return true;
}

// Seconds with a fraction, as /proc/uptime has them.
bool NextSeconds(std::string_view* rest, double* value) {
  const std::string_view word = NextWord(rest);
  const auto parsed = std::from_chars(word.data(), word.data() + word.size(), *value);
  return !word.empty() && parsed.ec == std::errc() && parsed.ptr == word.data() + word.size() &&
         std::isfinite(*value) && *value >= 0 && *value < kMaxUptimeSeconds;
}

bool ParseEnd(std::string_view rest, RunnerRecord* record) {
  int64_t code = 0;
  double start = 0;
  double end = 0;
  if (!NextSize(&rest, &record->output_size)) return false;
  const std::string_view outcome = NextWord(&rest);
  if (!NextInt(&rest, &code) || code > 255) return false;
  if (!NextSeconds(&rest, &start) || !NextSeconds(&rest, &end) || end < start) return false;
  const std::string_view cause = NextWord(&rest);
  if (outcome == "exit") {
    record->outcome = RunnerRecord::Outcome::kExit;
  } else if (outcome == "signal") {
    record->outcome = RunnerRecord::Outcome::kSignal;
    if (code < 1 || code > kMaxSignal) return false;
  } else if (outcome != "unknown") {
    return false;
  }
  if (cause == "timeout") {
    record->cause = RunnerRecord::Cause::kTimeout;
  } else if (cause == "cancel") {
    record->cause = RunnerRecord::Cause::kCancel;
  } else if (cause != "none") {
    return false;
  }
  record->code = static_cast<int>(code);
  record->duration = std::chrono::milliseconds(std::llround((end - start) * 1000));
  return true;
}

}  // namespace

std::string_view RecordWord(RunnerRecord::Kind kind) {
  for (const auto& [word, of] : kWords) {
    if (of == kind) return word;
  }
  return "";
}

std::optional<RunnerRecord> ParseRunnerRecord(std::string_view line) {
  const std::string_view word = NextWord(&line);
  const auto* const known = std::find_if(std::begin(kWords), std::end(kWords),
                                         [&](const auto& entry) { return entry.first == word; });
  if (known == std::end(kWords)) return std::nullopt;
  RunnerRecord record{.kind = known->second};
  bool is_whole = true;
  switch (record.kind) {
    case Kind::kRunning:
      is_whole = NextInt(&line, &record.offset);
      break;
    case Kind::kEnd:
      is_whole = ParseEnd(line, &record);
      break;
    case Kind::kLost:
      is_whole = NextInt(&line, &record.output_size);
      record.text = ToPrintableLine(NextWord(&line), kMaxNoiseBytes);
      break;
    case Kind::kError:
    case Kind::kNotPlaced:
    case Kind::kRefused:
      if (!line.empty()) line.remove_prefix(1);
      record.text = ToPrintableLine(line, kMaxNoiseBytes);
      break;
    default:  // The word is all of it.
      break;
  }
  if (!is_whole) return std::nullopt;
  return record;
}

RecordReader::RecordReader(std::string nonce) : prefix_(std::move(nonce) + " ") {}

std::vector<RunnerRecord> RecordReader::Add(std::string_view bytes) {
  std::vector<RunnerRecord> records;
  while (!bytes.empty()) {
    const size_t newline = bytes.find('\n');
    const std::string_view part = bytes.substr(0, newline);
    line_.append(part.substr(0, kMaxLineBytes - std::min(kMaxLineBytes, line_.size())));
    if (newline == std::string_view::npos) break;
    bytes.remove_prefix(newline + 1);
    if (line_.compare(0, prefix_.size(), prefix_) == 0) {
      const std::string_view said = std::string_view(line_).substr(prefix_.size());
      records.push_back(ParseRunnerRecord(said).value_or(RunnerRecord{
          .kind = RunnerRecord::Kind::kMalformed, .text = ToPrintableLine(said, kMaxNoiseBytes)}));
    } else {
      noise_ = ToPrintableLine(line_, kMaxNoiseBytes);
    }
    line_.clear();
  }
  return records;
}

OutputReader::OutputReader(std::string nonce) : marker_(std::move(nonce)) {}

std::string_view OutputReader::Add(std::string_view bytes) {
  while (!found_ && !bytes.empty()) {
    const size_t newline = bytes.find('\n');
    const std::string_view part = bytes.substr(0, newline);
    // Noise may lack its newline: the marker is looked for at the end of the line.
    before_.append(part);
    if (before_.size() > marker_.size()) before_.erase(0, before_.size() - marker_.size());
    if (newline == std::string_view::npos) return {};
    bytes.remove_prefix(newline + 1);
    found_ = before_ == marker_;
    before_.clear();
  }
  return bytes;
}

}  // namespace longshore::run
