#include "common/log_fields.h"

#include <algorithm>
#include <utility>

namespace longshore {
namespace {

thread_local const LogFields* innermost = nullptr;

}  // namespace

LogFields::LogFields(std::vector<LogField> fields)
    : fields_(std::move(fields)), outer_(std::exchange(innermost, this)) {}

LogFields::~LogFields() { innermost = outer_; }

std::vector<const LogField*> LogFields::Current() {
  std::vector<const LogField*> all;
  for (const LogFields* fields = innermost; fields != nullptr; fields = fields->outer_) {
    for (auto field = fields->fields_.rbegin(); field != fields->fields_.rend(); ++field) {
      all.push_back(&*field);
    }
  }
  std::reverse(all.begin(), all.end());
  return all;
}

}  // namespace longshore
