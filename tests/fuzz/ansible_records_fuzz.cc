// What comes from ansible-playbook: lines of JSON, or anything else. However the bytes are cut into
// reads, the same is read from them, and the result fits an event.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/utf8.h"
#include "payload_worker/provision/host_progress.h"
#include "tests/fuzz/seeds.h"

namespace longshore::fuzz {
namespace {

using provision::HostProgress;
using provision::Record;
using provision::RecordLines;

constexpr size_t kMaxLogBytes = 65536;
constexpr size_t kMaxErrorBytes = 16384;

std::vector<Record> Read(std::string_view bytes, size_t piece) {
  RecordLines lines;
  std::vector<Record> records;
  for (size_t at = 0; at < bytes.size(); at += piece) {
    for (Record& record : lines.Add(bytes.substr(at, piece))) records.push_back(std::move(record));
  }
  return records;
}

void Check(const v1::Provisioned& result) {
  for (const std::string* text : {&result.error(), &result.log()}) {
    FUZZ_CHECK(ToValidUtf8(*text) == *text && text->find('\0') == std::string::npos);
  }
  FUZZ_CHECK(result.log().size() <= kMaxLogBytes && result.error().size() <= kMaxErrorBytes);
  FUZZ_CHECK(result.ready() == result.error().empty());
}

}  // namespace

std::vector<std::string> Seeds() {
  return {
      R"({"kind": "task", "host": "instance-1", "task": "Base", "status": "failed", "message": "x"})"
      "\n"
      R"({"kind": "end", "host": "instance-1", "ready": false})"
      "\n",
      R"({"kind": "task", "host": "h", "task": "Base", "status": "unreachable", "message": "x"})"
      "\n",
      R"({"kind": "ready", "host": "h"})"
      "\n",
      "PLAY [all]\n\n"};
}

}  // namespace longshore::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto whole = longshore::fuzz::Read(bytes, size + 1);
  const auto pieces = longshore::fuzz::Read(bytes, 3);
  FUZZ_CHECK(whole.size() == pieces.size());
  longshore::provision::HostProgress progress("title");
  for (size_t i = 0; i < whole.size(); ++i) {
    FUZZ_CHECK(whole[i].kind == pieces[i].kind && whole[i].message == pieces[i].message);
    const auto result = progress.Add(whole[i]);
    if (result.has_value()) longshore::fuzz::Check(*result);
  }
  longshore::fuzz::Check(progress.AtRunEnd("ended", std::string(bytes)));
  return 0;
}
