#include "common/tls.h"

#include <grpcpp/security/tls_certificate_provider.h>
#include <grpcpp/security/tls_credentials_options.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <cstdio>

#include "common/status_macros.h"

namespace longshore {
namespace {

using grpc::experimental::FileWatcherCertificateProvider;

// How often gRPC looks at the files, in seconds.
constexpr unsigned kRefreshSeconds = 2;

struct FileCloser {
  void operator()(FILE* file) const { fclose(file); }
};
struct CertificateDeleter {
  void operator()(X509* certificate) const { X509_free(certificate); }
};
struct KeyDeleter {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
using File = std::unique_ptr<FILE, FileCloser>;
using Certificate = std::unique_ptr<X509, CertificateDeleter>;
using Key = std::unique_ptr<EVP_PKEY, KeyDeleter>;

absl::Status Problem(const std::string& path, const std::string& what) {
  return absl::FailedPreconditionError("'" + path + "' " + what);
}

absl::StatusOr<File> Open(const std::string& path) {
  File file(fopen(path.c_str(), "re"));
  if (file == nullptr) return Problem(path, "cannot be read");
  return file;
}

absl::Status CheckDates(const std::string& path, const X509* certificate) {
  if (X509_cmp_current_time(X509_get0_notAfter(certificate)) <= 0) {
    return Problem(path, "has a certificate that has run out");
  }
  if (X509_cmp_current_time(X509_get0_notBefore(certificate)) > 0) {
    return Problem(path, "has a certificate that is not valid yet");
  }
  return absl::OkStatus();
}

// Checks every certificate of the file and returns the first.
absl::StatusOr<Certificate> ReadCertificates(const std::string& path) {
  ASSIGN_OR_RETURN(const File file, Open(path));
  Certificate first;
  while (Certificate next{PEM_read_X509(file.get(), nullptr, nullptr, nullptr)}) {
    RETURN_IF_ERROR(CheckDates(path, next.get()));
    if (first == nullptr) first = std::move(next);
  }
  ERR_clear_error();  // The end of the file is one.
  if (first == nullptr) return Problem(path, "has no certificate in PEM");
  return first;
}

// Asks nobody for a passphrase.
int NoPassphrase(char* /*buffer*/, int /*size*/, int /*writing*/, void* /*user*/) { return -1; }

absl::StatusOr<Key> ReadKey(const std::string& path) {
  ASSIGN_OR_RETURN(const File file, Open(path));
  Key key(PEM_read_PrivateKey(file.get(), nullptr, NoPassphrase, nullptr));
  if (key == nullptr) return Problem(path, "has no private key in PEM without a passphrase");
  return key;
}

std::shared_ptr<FileWatcherCertificateProvider> Watch(const TlsFiles& files) {
  return std::make_shared<FileWatcherCertificateProvider>(files.key, files.certificate,
                                                          files.authority, kRefreshSeconds);
}

}  // namespace

absl::Status CheckTlsFiles(const TlsFiles& files) {
  if (!files.authority.empty()) RETURN_IF_ERROR(ReadCertificates(files.authority).status());
  if (files.certificate.empty() && files.key.empty()) return absl::OkStatus();
  if (files.certificate.empty()) return Problem(files.key, "is a key without its certificate");
  if (files.key.empty()) return Problem(files.certificate, "is a certificate without its key");
  ASSIGN_OR_RETURN(const Certificate certificate, ReadCertificates(files.certificate));
  ASSIGN_OR_RETURN(const Key key, ReadKey(files.key));
  if (X509_check_private_key(certificate.get(), key.get()) == 1) return absl::OkStatus();
  return Problem(files.key, "is not the key of '" + files.certificate + "'");
}

std::shared_ptr<grpc::ServerCredentials> MakeServerCredentials(const TlsFiles& files) {
  grpc::experimental::TlsServerCredentialsOptions options(Watch(files));
  options.watch_identity_key_cert_pairs();
  if (!files.authority.empty()) {
    options.watch_root_certs();
    options.set_cert_request_type(GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
  }
  return grpc::experimental::TlsServerCredentials(options);
}

std::shared_ptr<grpc::ChannelCredentials> MakeChannelCredentials(const TlsFiles& files) {
  grpc::experimental::TlsChannelCredentialsOptions options;
  if (!files.empty()) options.set_certificate_provider(Watch(files));
  if (!files.authority.empty()) options.watch_root_certs();
  if (!files.certificate.empty()) options.watch_identity_key_cert_pairs();
  return grpc::experimental::TlsCredentials(options);
}

std::vector<std::string> PeerNames(const grpc::AuthContext& peer) {
  std::vector<std::string> names;
  for (const char* property : {GRPC_PEER_DNS_PROPERTY_NAME, GRPC_PEER_URI_PROPERTY_NAME}) {
    for (const grpc::string_ref& name : peer.FindPropertyValues(property)) {
      names.emplace_back(name.data(), name.size());
    }
  }
  return names;
}

bool IsLoopback(std::string_view address) {
  const size_t colon = address.rfind(':');
  const std::string_view host = address.substr(0, colon);
  return host == "localhost" || host == "[::1]" ||
         (host.starts_with("127.") &&
          host.find_first_not_of("0123456789.") == std::string_view::npos);
}

}  // namespace longshore
