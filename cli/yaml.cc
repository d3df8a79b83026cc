#include "cli/yaml.h"

#include <nlohmann/json.hpp>
#include <regex>

#include "absl/strings/str_replace.h"

namespace longshore::cli {
namespace {

using Json = nlohmann::ordered_json;

// JSON's quoted strings are YAML's, but for the characters that JSON leaves as they are and YAML
// takes for line breaks or for none at all.
std::string Scalar(const Json& value) {
  std::string text = absl::StrReplaceAll(value.dump(), {{"\x7f", "\\x7f"},
                                                        {"\xe2\x80\xa8", "\\u2028"},
                                                        {"\xe2\x80\xa9", "\\u2029"},
                                                        {"\xef\xbb\xbf", "\\ufeff"},
                                                        {"\xef\xbf\xbe", "\\ufffe"},
                                                        {"\xef\xbf\xbf", "\\uffff"}});
  // The control characters U+0080 to U+009F.
  for (size_t at = text.find('\xc2'); at != std::string::npos; at = text.find('\xc2', at + 1)) {
    const auto low = static_cast<unsigned char>(text[at + 1]);
    if (low >= 0xa0) continue;
    constexpr char kDigits[] = "0123456789abcdef";
    text.replace(at, 2, {'\\', 'x', kDigits[low >> 4], kDigits[low & 15]});
  }
  return text;
}

// A name as it is where YAML takes it for nothing but a string.
std::string Name(const std::string& name) {
  static const std::regex* const kWord = new std::regex("[a-z][a-z0-9_]*");
  static const std::regex* const kOther = new std::regex("y|n|yes|no|on|off|true|false|null");
  return std::regex_match(name, *kWord) && !std::regex_match(name, *kOther) ? name : Scalar(name);
}

void Append(const Json& value, const std::string& indent, std::string* text);

// What stands behind "name:" or "-": a scalar on the same line, the rest on lines of its own.
void AppendValue(const Json& value, const std::string& indent, std::string* text) {
  if (value.is_structured() && !value.empty()) {
    *text += "\n";
    Append(value, indent, text);
  } else {
    *text += " " + Scalar(value) + "\n";
  }
}

// A map or a list that is not empty.
void Append(const Json& value, const std::string& indent, std::string* text) {
  for (const auto& [name, member] : value.items()) {
    *text += indent + (value.is_array() ? "-" : Name(name) + ":");
    AppendValue(member, indent + "  ", text);
  }
}

}  // namespace

std::string YamlFromJson(const std::string& json) {
  const Json value = Json::parse(json);
  std::string text;
  if (!value.is_structured() || value.empty()) return Scalar(value) + "\n";
  Append(value, "", &text);
  return text;
}

}  // namespace longshore::cli
