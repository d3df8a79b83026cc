// What the messages of a thread are about, for logs in JSON.
#ifndef LONGSHORE_COMMON_LOG_FIELDS_H_
#define LONGSHORE_COMMON_LOG_FIELDS_H_

#include <cstdint>
#include <initializer_list>
#include <string>
#include <variant>
#include <vector>

namespace longshore {

// A name, such as "payload_id", and a value.
struct LogField {
  const char* name;  // A literal.
  std::variant<int64_t, std::string> value;
};

// While it lives, the messages that this thread logs have these fields, besides those of the
// LogFields that were there before: a field of the same name hides the one before. As text a
// message says by itself what it is about, so fields are in JSON only. They must be destroyed in
// the reverse order by the same thread.
class LogFields {
 public:
  // For example: const LogFields about{{"task_id", id}};
  LogFields(std::initializer_list<LogField> fields) : LogFields(std::vector<LogField>(fields)) {}
  explicit LogFields(std::vector<LogField> fields);
  ~LogFields();
  LogFields(const LogFields&) = delete;
  LogFields& operator=(const LogFields&) = delete;

  // Returns those of this thread, the innermost last.
  static std::vector<const LogField*> Current();

 private:
  const std::vector<LogField> fields_;
  const LogFields* const outer_;
};

}  // namespace longshore

#endif  // LONGSHORE_COMMON_LOG_FIELDS_H_
