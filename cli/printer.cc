#include "cli/printer.h"

#include <iostream>

#include "cli/json.h"
#include "common/status.h"

namespace longshore::cli {

void Printer::Print(const google::protobuf::Message& message, const std::string& text) const {
  PrintText(json_ ? ToJson(message) + "\n" : text);
}

void Printer::PrintEvent(const google::protobuf::Message& event) const {
  Print(event, "");
  std::cout << std::flush;
}

void Printer::PrintError(const absl::Status& error, const std::string& hint) const {
  std::cerr << (json_ ? ErrorToJson(error) : "longshore: " + ToString(error) + hint) << "\n";
}

void Printer::PrintText(const std::string& text) { std::cout << text; }

}  // namespace longshore::cli
