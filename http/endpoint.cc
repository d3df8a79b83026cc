#include "http/endpoint.h"

#include <openssl/x509v3.h>

#include "common/tls.h"
#include "http/target.h"

namespace longshore::http {

using boost::asio::ip::tcp;

std::string PeerOf(const tcp::socket& socket) {
  boost::system::error_code error;
  const tcp::endpoint end = socket.remote_endpoint(error);
  if (error) return "unknown";
  const std::string address = end.address().to_string();
  return end.address().is_v6() ? "ipv6:[" + address + "]:" + std::to_string(end.port())
                               : "ipv4:" + address + ":" + std::to_string(end.port());
}

bool IsOwnHost(const std::string& host, TlsContext::Context* tls) {
  std::string name(WithoutPort(host));
  if (tls == nullptr) return IsLoopback(name + ":0");
  X509* const certificate = SSL_CTX_get0_certificate(tls->native_handle());
  if (name.starts_with('[') && name.ends_with(']')) name = name.substr(1, name.size() - 2);
  return X509_check_host(certificate, name.data(), name.size(), 0, nullptr) == 1 ||
         X509_check_ip_asc(certificate, name.c_str(), 0) == 1;
}

}  // namespace longshore::http
