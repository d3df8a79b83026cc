#include "cli/printer.h"

#include <iostream>

#include "cli/output.h"

namespace longshore::cli {

void Printer::Print(const google::protobuf::Message& message, const std::string& text) const {
  PrintText(json_ ? ToJson(message) : text);
}

void Printer::PrintEvent(const google::protobuf::Message& event) const {
  Print(event, "");
  std::cout << std::flush;
}

void Printer::PrintText(const std::string& text) { std::cout << text; }

}  // namespace longshore::cli
