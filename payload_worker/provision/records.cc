#include "payload_worker/provision/records.h"

#include <nlohmann/json.hpp>
#include <optional>

namespace longshore::provision {
namespace {

using nlohmann::json;

// The plugin cuts messages at 4,000 characters, of 6 bytes at most in its JSON.
constexpr size_t kMaxLineBytes = 64 * 1024;

std::string TextOf(const json& object, const char* key) {
  const auto value = object.find(key);
  return value != object.end() && value->is_string() ? value->get<std::string>() : "";
}

std::optional<Record> Parse(const std::string& line) {
  const json object = json::parse(line, nullptr, /*allow_exceptions=*/false);
  if (!object.is_object()) return std::nullopt;
  Record record{.host = TextOf(object, "host"),
                .task = TextOf(object, "task"),
                .status = TextOf(object, "status"),
                .message = TextOf(object, "message")};
  if (record.host.empty()) return std::nullopt;
  const std::string kind = TextOf(object, "kind");
  if (kind == "task") return record;
  if (kind == "ready") {
    record.kind = Record::Kind::kReady;
    return record;
  }
  if (kind != "end") return std::nullopt;
  record.kind = Record::Kind::kEnd;
  const auto ready = object.find("ready");
  record.ready = ready != object.end() && ready->is_boolean() && ready->get<bool>();
  return record;
}

}  // namespace

std::vector<Record> RecordLines::Add(std::string_view bytes) {
  std::vector<Record> records;
  while (!bytes.empty()) {
    const size_t end = bytes.find('\n');
    line_.append(bytes.substr(0, end));
    if (line_.size() > kMaxLineBytes) {
      line_.clear();
      overlong_ = true;
    }
    if (end == std::string_view::npos) break;
    bytes.remove_prefix(end + 1);
    if (!overlong_) {
      if (auto record = Parse(line_)) records.push_back(*std::move(record));
    }
    line_.clear();
    overlong_ = false;
  }
  return records;
}

}  // namespace longshore::provision
