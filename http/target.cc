#include "http/target.h"

#include <cctype>
#include <charconv>
#include <utility>

#include "absl/strings/str_split.h"

namespace longshore::http {

std::optional<std::string> PercentDecode(std::string_view text, bool plus_is_blank) {
  std::string decoded;
  decoded.reserve(text.size());
  for (size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '%') {
      decoded.push_back(plus_is_blank && text[at] == '+' ? ' ' : text[at]);
      continue;
    }
    if (text.size() - at < 3) return std::nullopt;
    unsigned byte = 0;
    const char* const begin = text.data() + at + 1;
    const auto [end, error] = std::from_chars(begin, begin + 2, byte, 16);
    if (error != std::errc() || end != begin + 2) return std::nullopt;
    decoded.push_back(static_cast<char>(byte));
    at += 2;
  }
  return decoded;
}

std::optional<std::vector<std::string>> PathSegments(std::string_view path) {
  std::vector<std::string> segments;
  if (path.starts_with('/')) path.remove_prefix(1);
  const std::vector<std::string> encoded_segments = absl::StrSplit(std::string(path), '/');
  for (const std::string& encoded : encoded_segments) {
    std::optional<std::string> segment = PercentDecode(encoded);
    if (!segment.has_value()) return std::nullopt;
    segments.push_back(*std::move(segment));
  }
  return segments;
}

std::optional<int64_t> Integer(std::string_view text) {
  int64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, number);
  if (parsed.ec != std::errc() || parsed.ptr != end) return std::nullopt;
  return number;
}

std::string_view WithoutPort(std::string_view host) {
  const size_t colon = host.rfind(':');
  if (colon == std::string_view::npos || host.find(']', colon) != std::string_view::npos) {
    return host;
  }
  return host.substr(0, colon);
}

std::optional<Fields> QueryFields(std::string_view query) {
  Fields fields;
  const std::vector<std::string> parts = absl::StrSplit(std::string(query), '&', absl::SkipEmpty());
  for (const std::string_view part : parts) {
    const size_t equals = part.find('=');
    auto name = PercentDecode(part.substr(0, equals), /*plus_is_blank=*/true);
    auto value = equals == std::string_view::npos
                     ? std::string()
                     : PercentDecode(part.substr(equals + 1), /*plus_is_blank=*/true);
    if (!name.has_value() || !value.has_value()) return std::nullopt;
    fields.emplace_back(*std::move(name), *std::move(value));
  }
  return fields;
}

}  // namespace longshore::http
