#include "common/http_client.h"

#include <curl/curl.h>
#include <sys/socket.h>

#include <algorithm>
#include <memory>
#include <utility>

namespace longshore {
namespace {

// No answer that is of use is longer.
constexpr size_t kMaxBodyBytes = 8 << 20;
constexpr size_t kMaxHeadBytes = 64 << 10;

struct HandleDeleter {
  void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
};
struct ListDeleter {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};

// What libcurl calls back with.
struct Transfer {
  CURL* curl;
  const HttpRequest& request;
  std::string body;
  size_t head_bytes = 0;
  bool has_head = false;  // The head of the response is complete.
  bool refused = false;   // An address was not to be connected to.
};

// Fewer bytes than it was given end the transfer with CURLE_WRITE_ERROR.
size_t TakeBody(char* data, size_t size, size_t count, void* user) {
  auto* transfer = static_cast<Transfer*>(user);
  if (transfer->body.size() + size * count > kMaxBodyBytes) return 0;
  transfer->body.append(data, size * count);
  return size * count;
}

// Called with each line of a head, and so with the empty one at its end; the same error ends it.
size_t TakeHead(char* /*line*/, size_t size, size_t count, void* user) {
  auto* transfer = static_cast<Transfer*>(user);
  transfer->head_bytes += size * count;
  if (transfer->head_bytes > kMaxHeadBytes) return 0;
  long status = 0;  // NOLINT(google-runtime-int): libcurl's type.
  curl_easy_getinfo(transfer->curl, CURLINFO_RESPONSE_CODE, &status);
  transfer->has_head = size * count <= 2 && status >= 200;
  return transfer->has_head && transfer->request.status_only ? 0 : size * count;
}

// libcurl tries the next address of the name where there is no socket.
curl_socket_t OpenSocket(void* user, curlsocktype /*purpose*/, curl_sockaddr* address) {
  auto* transfer = static_cast<Transfer*>(user);
  if (!transfer->request.may_connect(address->addr)) {
    transfer->refused = true;
    return CURL_SOCKET_BAD;
  }
  return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

// Another value than 0 ends the transfer with CURLE_ABORTED_BY_CALLBACK.
int Look(void* user, curl_off_t /*to_receive*/, curl_off_t /*received*/, curl_off_t /*to_send*/,
         curl_off_t /*sent*/) {
  auto* transfer = static_cast<Transfer*>(user);
  return transfer->request.cancelled->load() ? 1 : 0;
}

void SetLimits(CURL* curl, Transfer* transfer) {
  const HttpRequest& request = transfer->request;
  curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, static_cast<long>(request.time_limit.count()));
  // A name server that does not answer is waited for no longer than that.
  curl_easy_setopt(curl, CURLOPT_QUICK_EXIT, 1L);
  if (request.connect_limit.count() > 0) {
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS,
                     static_cast<long>(request.connect_limit.count()));
  }
  if (request.may_connect) {
    curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, OpenSocket);
    curl_easy_setopt(curl, CURLOPT_OPENSOCKETDATA, transfer);
    curl_easy_setopt(curl, CURLOPT_PROXY, "");  // Also none of the environment.
  }
  if (request.cancelled != nullptr) {
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, Look);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, transfer);
  }
}

absl::Status Failure(CURLcode code, const char* error, const Transfer& transfer) {
  const HttpRequest& request = transfer.request;
  const std::string what =
      request.method + " " + (request.name.empty() ? request.url : request.name) + ": ";
  if (code == CURLE_ABORTED_BY_CALLBACK) return absl::CancelledError(what + "given up");
  if (code == CURLE_COULDNT_CONNECT && transfer.refused) {
    return absl::PermissionDeniedError(what + "its address may not be connected to");
  }
  // libcurl's own words name the host.
  const bool is_open = request.name.empty() && error[0] != '\0';
  return absl::UnavailableError(what + (is_open ? error : curl_easy_strerror(code)));
}

}  // namespace

absl::StatusOr<HttpResponse> SendHttp(const HttpRequest& request) {
  static const bool ready = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
  const std::unique_ptr<CURL, HandleDeleter> handle(ready ? curl_easy_init() : nullptr);
  if (handle == nullptr) return absl::UnavailableError("libcurl cannot be used");
  curl_slist* headers = nullptr;
  for (const std::string& header : request.headers) {
    headers = curl_slist_append(headers, header.c_str());
  }
  const std::unique_ptr<curl_slist, ListDeleter> owned_headers(headers);
  CURL* curl = handle.get();
  Transfer transfer{.curl = curl, .request = request, .body = {}};
  char error[CURL_ERROR_SIZE] = "";
  curl_easy_setopt(curl, CURLOPT_URL, request.url.c_str());
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  if (!request.ca_file.empty()) {
    curl_easy_setopt(curl, CURLOPT_CAINFO, request.ca_file.c_str());
    // The directory of the system's certificates would count besides.
    curl_easy_setopt(curl, CURLOPT_CAPATH, nullptr);
  }
  curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request.method.c_str());
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, error);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, TakeBody);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &transfer);
  curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, TakeHead);
  curl_easy_setopt(curl, CURLOPT_HEADERDATA, &transfer);
  SetLimits(curl, &transfer);
  if (!request.body.empty()) {
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, static_cast<long>(request.body.size()));
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request.body.c_str());
  }
  const CURLcode code = curl_easy_perform(curl);
  const bool answered = code == CURLE_OK || (request.status_only && transfer.has_head);
  if (!answered) return Failure(code, error, transfer);
  HttpResponse response;
  response.body = std::move(transfer.body);
  long status = 0;  // NOLINT(google-runtime-int): libcurl's type.
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  response.status = static_cast<int>(status);
  curl_off_t retry_after = 0;
  curl_easy_getinfo(curl, CURLINFO_RETRY_AFTER, &retry_after);
  response.retry_after = std::chrono::seconds(std::clamp<curl_off_t>(retry_after, 0, 3600));
  return response;
}

}  // namespace longshore
