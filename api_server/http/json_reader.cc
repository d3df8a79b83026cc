#include "api_server/http/json_reader.h"

#include <set>
#include <string>
#include <vector>

namespace longshore::api_http {
namespace {

// Looks at a text before anything of it is kept.
class Inspector : public nlohmann::json_sax<Json> {
 public:
  const std::string& problem() const { return problem_; }

  bool null() override { return Value(); }
  bool boolean(bool /*value*/) override { return Value(); }
  bool number_integer(number_integer_t /*value*/) override { return Value(); }
  bool number_unsigned(number_unsigned_t /*value*/) override { return Value(); }
  bool number_float(number_float_t /*value*/, const string_t& /*text*/) override { return Value(); }
  bool string(string_t& /*value*/) override { return Value(); }
  bool binary(binary_t& /*value*/) override { return Value(); }
  bool start_object(size_t /*elements*/) override {
    members_.emplace_back();
    return Deeper();
  }
  bool end_object() override {
    members_.pop_back();
    --depth_;
    return true;
  }
  bool start_array(size_t /*elements*/) override { return Deeper(); }
  bool end_array() override {
    --depth_;
    return true;
  }
  bool key(string_t& name) override {
    if (members_.back().insert(name).second) return true;
    return Refuse("an object has '" + name + "' twice");
  }
  bool parse_error(size_t position, const std::string& /*token*/,
                   const nlohmann::detail::exception& /*error*/) override {
    return Refuse("it is no JSON at byte " + std::to_string(position));
  }

 private:
  bool Refuse(std::string problem) {
    problem_ = std::move(problem);
    return false;
  }
  bool Value() {
    return ++values_ <= kMaxJsonValues ||
           Refuse("it has more than " + std::to_string(kMaxJsonValues) + " values");
  }
  bool Deeper() {
    if (++depth_ > kMaxJsonDepth) {
      return Refuse("it is deeper than " + std::to_string(kMaxJsonDepth));
    }
    return Value();
  }

  std::string problem_;
  std::vector<std::set<std::string>> members_;  // Of the objects that are open.
  int depth_ = 0;
  int values_ = 0;
};

}  // namespace

absl::StatusOr<Json> ReadJson(std::string_view text) {
  Inspector inspector;
  if (!Json::sax_parse(text, &inspector)) {
    return absl::InvalidArgumentError("the text cannot be read as JSON: " + inspector.problem());
  }
  Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (json.is_discarded()) return absl::InvalidArgumentError("the text cannot be read as JSON");
  return json;
}

}  // namespace longshore::api_http
