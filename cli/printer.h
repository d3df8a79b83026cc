// Writes results to standard output, and errors to standard error.
#ifndef LONGSHORE_CLI_PRINTER_H_
#define LONGSHORE_CLI_PRINTER_H_

#include <google/protobuf/message.h>

#include <string>
#include <vector>

#include "absl/status/status.h"

namespace longshore::cli {

// Not thread-safe.
class Printer {
 public:
  explicit Printer(bool json) : json_(json) {}

  bool json() const { return json_; }

  // One thing; `text` is what people read.
  void Print(const google::protobuf::Message& message, const std::string& text) const;
  // A list; `table` is what people read.
  template <typename Row>
  void PrintRows(const std::vector<Row>& rows, const std::string& table) const {
    if (!json_) return PrintText(table);
    for (const Row& row : rows) Print(row, "");
  }
  // At once: more follows.
  void PrintEvent(const google::protobuf::Message& event) const;
  // To standard error; `hint` follows the message that people read.
  void PrintError(const absl::Status& error, const std::string& hint) const;

 private:
  static void PrintText(const std::string& text);

  bool json_;
};

}  // namespace longshore::cli

#endif  // LONGSHORE_CLI_PRINTER_H_
