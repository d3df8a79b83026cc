// What an instance says over SSH: control records, and the marker before the output. However the
// bytes are cut into reads, the same is read from them.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "payload_worker/run/runner_records.h"
#include "tests/fuzz/seeds.h"

namespace longshore::fuzz {
namespace {

using run::OutputReader;
using run::RecordReader;
using run::RunnerRecord;

constexpr char kNonce[] = "n0nce";
// 300 bytes, each of which may become a replacement character.
constexpr size_t kMaxTextBytes = 900;

void CheckRecord(const RunnerRecord& record) {
  FUZZ_CHECK(record.offset >= 0 && record.output_size >= 0);
  FUZZ_CHECK(record.code >= 0 && record.code <= 255 && record.duration.count() >= 0);
  FUZZ_CHECK(record.text.size() <= kMaxTextBytes);
}

std::vector<RunnerRecord> ReadRecords(std::string_view bytes, size_t piece) {
  RecordReader reader(kNonce);
  std::vector<RunnerRecord> records;
  for (size_t at = 0; at < bytes.size(); at += piece) {
    for (RunnerRecord& record : reader.Add(bytes.substr(at, piece))) {
      CheckRecord(record);
      records.push_back(std::move(record));
    }
  }
  FUZZ_CHECK(reader.noise().size() <= kMaxTextBytes);
  return records;
}

std::string ReadOutput(std::string_view bytes, size_t piece) {
  OutputReader reader(kNonce);
  std::string output;
  for (size_t at = 0; at < bytes.size(); at += piece) output += reader.Add(bytes.substr(at, piece));
  return output;
}

}  // namespace

std::vector<std::string> Seeds() {
  return {
      "n0nce running 0\nn0nce end 17 exit 3 100.25 101.50 timeout\n",
      "n0nce ready\nn0nce need-script\nn0nce late\nn0nce absent\nn0nce cleaned\n",
      "n0nce placed\nn0nce not-placed why\nn0nce refused why\nn0nce end 34-17 exit 0 1 2 none\n",
      "n0nce lost 9 rebooted\nn0nce end 1 signal 9 1.00 2.00 cancel   \n",
      "Last login: today\nn0nce error cannot create /x: No space left on device\n",
      "motd\nn0nce\nthe output\n",
      "n0nce end 0 unknown 0 0.00 0.00 none\n"};
}

}  // namespace longshore::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto whole = longshore::fuzz::ReadRecords(bytes, size + 1);
  const auto pieces = longshore::fuzz::ReadRecords(bytes, 3);
  FUZZ_CHECK(whole.size() == pieces.size());
  for (size_t i = 0; i < whole.size(); ++i) {
    FUZZ_CHECK(whole[i].kind == pieces[i].kind && whole[i].offset == pieces[i].offset);
    FUZZ_CHECK(whole[i].code == pieces[i].code && whole[i].text == pieces[i].text);
  }
  FUZZ_CHECK(longshore::fuzz::ReadOutput(bytes, size + 1) == longshore::fuzz::ReadOutput(bytes, 1));
  longshore::run::ParseRunnerRecord(bytes);
  return 0;
}
