// Writes results to standard output and errors to standard error, in the format of the command
// line.
#ifndef LONGSHORE_CLI_PRINTER_H_
#define LONGSHORE_CLI_PRINTER_H_

#include <google/protobuf/message.h>

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "cli/json.h"

namespace longshore::cli {

// The formats. Those of FormatNames are the choices of --output, in the same order.
enum class Format {
  kTable,
  kWide,
  kJson,
  kYaml,
  kJsonLines,  // --json: one message a line.
};

const std::vector<std::string>& FormatNames();

// Not thread-safe.
class Printer {
 public:
  explicit Printer(Format format) : format_(format) {}

  // Returns true for formats that are for programs rather than for people.
  bool structured() const { return format_ != Format::kTable && format_ != Format::kWide; }
  // Returns true when tables have all their columns.
  bool wide() const { return format_ == Format::kWide; }

  // Prints one thing; `text` is what people see.
  void Print(const google::protobuf::Message& message, const std::string& text) const;
  // Prints a list; `text` is what people see.
  template <typename Row>
  void PrintRows(const std::vector<Row>& rows, const std::string& text) const {
    if (structured()) return PrintList(JsonOf(rows));
    PrintText(text);
  }
  // Does the same for rows that are JSON already.
  void PrintRows(const std::vector<std::string>& rows, const std::string& text) const {
    if (structured()) return PrintList(rows);
    PrintText(text);
  }
  // Prints one thing and a list that belongs to it, as one document with these two names.
  template <typename Row>
  void PrintWithRows(const std::string& name, const google::protobuf::Message& message,
                     const std::string& rows_name, const std::vector<Row>& rows,
                     const std::string& text) const {
    if (structured()) return PrintPair(name, ToJson(message), rows_name, JsonOf(rows));
    PrintText(text);
  }
  // Prints an event at once, as a document of its own, because more events follow.
  void PrintEvent(const google::protobuf::Message& event) const;
  // Prints an error to standard error. `hint` follows the message that people see.
  void PrintError(const absl::Status& error, const std::string& hint) const;

 private:
  template <typename Row>
  static std::vector<std::string> JsonOf(const std::vector<Row>& rows) {
    std::vector<std::string> json;
    json.reserve(rows.size());
    for (const Row& row : rows) json.push_back(ToJson(row));
    return json;
  }

  static void PrintText(const std::string& text);
  void PrintDocument(const std::string& json) const;
  void PrintList(const std::vector<std::string>& rows) const;
  void PrintPair(const std::string& name, const std::string& json, const std::string& rows_name,
                 const std::vector<std::string>& rows) const;

  Format format_;
};

}  // namespace longshore::cli

#endif  // LONGSHORE_CLI_PRINTER_H_
