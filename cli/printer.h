// Writes results to standard output and errors to standard error, in the format that was asked for.
#ifndef LONGSHORE_CLI_PRINTER_H_
#define LONGSHORE_CLI_PRINTER_H_

#include <google/protobuf/message.h>

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "cli/json.h"

namespace longshore::cli {

// The first ones are the choices of --output, see FormatNames.
enum class Format {
  kTable,
  kWide,
  kJson,
  kYaml,
  kJsonLines,  // --json: a message a line.
};

const std::vector<std::string>& FormatNames();

// Not thread-safe.
class Printer {
 public:
  explicit Printer(Format format) : format_(format) {}

  // For programs rather than for people.
  bool structured() const { return format_ != Format::kTable && format_ != Format::kWide; }
  // Tables have all their columns.
  bool wide() const { return format_ == Format::kWide; }

  // One thing; `text` is what people read.
  void Print(const google::protobuf::Message& message, const std::string& text) const;
  // A list; `text` is what people read.
  template <typename Row>
  void PrintRows(const std::vector<Row>& rows, const std::string& text) const {
    if (structured()) return PrintList(JsonOf(rows));
    PrintText(text);
  }
  // The same of rows that are JSON already.
  void PrintRows(const std::vector<std::string>& rows, const std::string& text) const {
    if (structured()) return PrintList(rows);
    PrintText(text);
  }
  // One thing and the list that belongs to it, under these names in one document.
  template <typename Row>
  void PrintWithRows(const std::string& name, const google::protobuf::Message& message,
                     const std::string& rows_name, const std::vector<Row>& rows,
                     const std::string& text) const {
    if (structured()) return PrintPair(name, ToJson(message), rows_name, JsonOf(rows));
    PrintText(text);
  }
  // At once, as a document of its own: more follows.
  void PrintEvent(const google::protobuf::Message& event) const;
  // To standard error; `hint` follows the message that people read.
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
