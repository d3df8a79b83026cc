#include "api_server/providers/digitalocean_provider.h"

#include <algorithm>
#include <cctype>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "common/utf8.h"

namespace longshore::providers {
namespace {

using nlohmann::json;
using std::chrono::seconds;
using std::chrono::steady_clock;

constexpr int kPageSize = 200;
constexpr int kMaxPages = 100;
constexpr seconds kShortestQuiet{1};
constexpr seconds kLongestQuiet{120};
constexpr size_t kMaxErrorBytes = 500;

// What a droplet's name or a tag may be made of; the rest becomes "-".
std::string Plain(const std::string& text, const std::string& punctuation) {
  std::string plain = text;
  for (char& c : plain) {
    const bool allowed = std::isalnum(static_cast<unsigned char>(c)) != 0 ||
                         punctuation.find(c) != std::string::npos;
    if (!allowed) c = '-';
  }
  return plain;
}

std::string TextOf(const json& object, const char* name) {
  const auto value = object.is_object() ? object.find(name) : object.end();
  return value != object.end() && value->is_string() ? value->get<std::string>() : "";
}

int64_t IdOf(const json& object) {
  const auto id = object.is_object() ? object.find("id") : object.end();
  return id != object.end() && id->is_number_integer() ? id->get<int64_t>() : 0;
}

// Its first public IPv4 address; empty while it has none.
std::string PublicAddress(const json& droplet) {
  const json addresses = droplet.value("/networks/v4"_json_pointer, json::array());
  for (const json& address : addresses) {
    if (TextOf(address, "type") == "public") return TextOf(address, "ip_address");
  }
  return "";
}

std::string ErrorText(const std::string& method, const std::string& path,
                      const HttpResponse& response) {
  const std::string said =
      TextOf(json::parse(response.body, nullptr, /*allow_exceptions=*/false), "message");
  return ToPrintableLine("digitalocean: " + method + " " + path + ": status " +
                             std::to_string(response.status) + (said.empty() ? "" : ": " + said),
                         kMaxErrorBytes);
}

}  // namespace

DigitalOceanProvider::DigitalOceanProvider(DigitalOceanOptions options)
    : options_(std::move(options)) {}

absl::Status DigitalOceanProvider::Check(const MachineSpec& spec) const {
  if (options_.token.empty()) {
    constexpr char kProblem[] =
        "provider 'digitalocean' has no token: start api_server with --digitalocean_token_file";
    return WithFieldViolation(absl::InvalidArgumentError(kProblem), "provider", kProblem);
  }
  for (const auto& [field, value] :
       {std::pair("region", &spec.region), std::pair("size", &spec.size),
        std::pair("image", &spec.image)}) {
    if (value->empty()) {
      const std::string problem =
          std::string(field) + " '' must not be empty: the provider digitalocean needs it";
      return WithFieldViolation(absl::InvalidArgumentError(problem), field, problem);
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<json> DigitalOceanProvider::Call(const std::string& method, const std::string& path,
                                                const json& body) {
  {
    MutexLock lock(&mutex_);
    if (steady_clock::now() < quiet_until_) {
      return absl::UnavailableError("digitalocean: the API's rate limit is reached");
    }
  }
  HttpRequest request{
      .method = method,
      .url = options_.url + path,
      .headers = {"Authorization: Bearer " + options_.token, "Content-Type: application/json"}};
  if (!body.is_null()) request.body = body.dump(-1, ' ', false, json::error_handler_t::replace);
  ASSIGN_OR_RETURN(const HttpResponse response, SendHttp(request));
  if (response.status == 429) {
    MutexLock lock(&mutex_);
    quiet_until_ = steady_clock::now() +
                   std::clamp<seconds>(response.retry_after, kShortestQuiet, kLongestQuiet);
  }
  if (response.status == 400 || response.status == 422) {
    return absl::InvalidArgumentError(ErrorText(method, path, response));
  }
  if (response.status == 404 && method == "DELETE") return json::object();  // Gone is gone.
  if (response.status < 200 || response.status > 299) {
    return absl::UnavailableError(ErrorText(method, path, response));
  }
  if (response.status == 204) return json::object();
  json answer = json::parse(response.body, nullptr, /*allow_exceptions=*/false);
  if (!answer.is_object()) {
    return absl::UnavailableError("digitalocean: " + method + " " + path +
                                  ": the answer is not JSON");
  }
  return answer;
}

absl::StatusOr<std::vector<json>> DigitalOceanProvider::List(const std::string& path,
                                                             const std::string& name) {
  const std::string joint = path.find('?') == std::string::npos ? "?" : "&";
  std::vector<json> all;
  for (int page = 1; page <= kMaxPages; ++page) {
    ASSIGN_OR_RETURN(const json answer,
                     Call("GET",
                          path + joint + "per_page=" + std::to_string(kPageSize) +
                              "&page=" + std::to_string(page),
                          json()));
    const auto rows = answer.find(name);
    if (rows == answer.end() || !rows->is_array()) {
      return absl::UnavailableError(
          absl::StrCat("digitalocean: GET ", path, ": the answer has no ", name));
    }
    all.insert(all.end(), rows->begin(), rows->end());
    // The address of the next page is not followed: the token goes to the server configured only.
    if (!answer.contains("/links/pages/next"_json_pointer)) return all;
  }
  return absl::UnavailableError("digitalocean: GET " + path + ": there is no end to the pages");
}

absl::StatusOr<std::vector<json>> DigitalOceanProvider::Droplets(const std::string& key) {
  ASSIGN_OR_RETURN(std::vector<json> droplets, List("/v2/droplets?tag_name=" + key, "droplets"));
  for (const json& droplet : droplets) {
    if (IdOf(droplet) <= 0) {
      return absl::UnavailableError("digitalocean: GET /v2/droplets: a droplet without an id");
    }
  }
  std::sort(droplets.begin(), droplets.end(),
            [](const json& a, const json& b) { return IdOf(a) < IdOf(b); });
  return droplets;
}

absl::StatusOr<std::vector<int64_t>> DigitalOceanProvider::KeyIds(
    const std::vector<std::string>& keys) {
  ASSIGN_OR_RETURN(const std::vector<json> known, List("/v2/account/keys", "ssh_keys"));
  std::vector<int64_t> ids;
  for (const std::string& key : keys) {
    // The account's may have a comment behind it.
    const auto found = std::find_if(known.begin(), known.end(), [&](const json& each) {
      const std::string text = TextOf(each, "public_key");
      return text.compare(0, key.size(), key) == 0 &&
             (text.size() == key.size() || text[key.size()] == ' ');
    });
    json entry = found == known.end() ? json() : *found;
    if (found == known.end()) {
      auto added =
          Call("POST", "/v2/account/keys", {{"name", "longshore-worker"}, {"public_key", key}});
      // Somebody else was faster: it is in the list next time.
      if (absl::IsInvalidArgument(added.status())) {
        return absl::UnavailableError(added.status().message());
      }
      RETURN_IF_ERROR(added.status());
      entry = added->value("ssh_key", json::object());
    }
    ids.push_back(IdOf(entry));
    if (ids.back() <= 0) return absl::UnavailableError("digitalocean: an SSH key without an id");
  }
  return ids;
}

absl::Status DigitalOceanProvider::CreateDroplet(const MachineSpec& spec) {
  ASSIGN_OR_RETURN(const std::vector<int64_t> key_ids, KeyIds(spec.authorized_keys));
  json tags = json::array({spec.key});
  for (const std::string& tag : spec.tags) tags.push_back(Plain(tag, "-_:"));
  return Call("POST", "/v2/droplets",
              {{"name", Plain(spec.name, "-.")},
               {"region", spec.region},
               {"size", spec.size},
               {"image", spec.image},
               {"ssh_keys", key_ids},
               {"tags", std::move(tags)}})
      .status();
}

absl::StatusOr<std::optional<Machine>> DigitalOceanProvider::Create(const MachineSpec& spec) {
  ASSIGN_OR_RETURN(const std::vector<json> droplets, Droplets(spec.key));
  if (droplets.empty()) {
    RETURN_IF_ERROR(CreateDroplet(spec));
    return std::nullopt;
  }
  for (size_t i = 1; i < droplets.size(); ++i) {
    RETURN_IF_ERROR(
        Call("DELETE", "/v2/droplets/" + std::to_string(IdOf(droplets[i])), json()).status());
  }
  const std::string status = TextOf(droplets[0], "status");
  if (status != "new" && status != "active") {
    return absl::UnavailableError("digitalocean: droplet " + std::to_string(IdOf(droplets[0])) +
                                  " is " + ToPrintableLine(status, kMaxErrorBytes));
  }
  const std::string address = PublicAddress(droplets[0]);
  if (status == "new" || address.empty()) return std::nullopt;
  return Machine{.address = address};
}

absl::Status DigitalOceanProvider::Resume(const std::string& /*key*/) { return absl::OkStatus(); }

absl::Status DigitalOceanProvider::Delete(const std::string& key) {
  RETURN_IF_ERROR(Call("DELETE", "/v2/droplets?tag_name=" + key, json()).status());
  ASSIGN_OR_RETURN(const std::vector<json> left, Droplets(key));
  if (!left.empty()) {
    return absl::UnavailableError("digitalocean: " + std::to_string(left.size()) +
                                  " droplets are still being deleted");
  }
  return Call("DELETE", "/v2/tags/" + key, json()).status();
}

}  // namespace longshore::providers
