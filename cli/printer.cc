#include "cli/printer.h"

#include <iostream>

#include "absl/strings/str_join.h"
#include "cli/visible.h"
#include "cli/yaml.h"
#include "common/status.h"

namespace longshore::cli {
namespace {

std::string JsonList(const std::vector<std::string>& rows) {
  return "[" + absl::StrJoin(rows, ",") + "]";
}

}  // namespace

const std::vector<std::string>& FormatNames() {
  static const auto* const kNames = new std::vector<std::string>{"table", "wide", "json", "yaml"};
  return *kNames;
}

void Printer::Print(const google::protobuf::Message& message, const std::string& text) const {
  if (structured()) return PrintDocument(ToJson(message));
  PrintText(text);
}

void Printer::PrintEvent(const google::protobuf::Message& event) const {
  const std::string json = ToJson(event);
  PrintText(format_ == Format::kYaml ? "---\n" + YamlFromJson(json) : json + "\n");
  std::cout << std::flush;
}

void Printer::PrintError(const absl::Status& error, const std::string& hint) const {
  if (format_ == Format::kYaml) {
    std::cerr << YamlFromJson(ErrorToJson(error));
  } else if (structured()) {
    std::cerr << ErrorToJson(error) << "\n";
  } else {
    std::cerr << "longshore: " << VisibleText(ToString(error)) << hint << "\n";
  }
}

void Printer::PrintText(const std::string& text) { std::cout << ForStandardOutput(text); }

void Printer::PrintDocument(const std::string& json) const {
  if (format_ == Format::kYaml) return PrintText(YamlFromJson(json));
  PrintText(format_ == Format::kJson ? IndentedJson(json) : json + "\n");
}

void Printer::PrintList(const std::vector<std::string>& rows) const {
  if (format_ != Format::kJsonLines) return PrintDocument(JsonList(rows));
  for (const std::string& row : rows) PrintDocument(row);
}

void Printer::PrintPair(const std::string& name, const std::string& json,
                        const std::string& rows_name, const std::vector<std::string>& rows) const {
  if (format_ != Format::kJsonLines) {
    return PrintDocument("{\"" + name + "\":" + json + ",\"" + rows_name + "\":" + JsonList(rows) +
                         "}");
  }
  PrintDocument(json);
  PrintList(rows);
}

}  // namespace longshore::cli
