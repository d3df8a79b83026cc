#include "http/tls_context.h"

#include <glog/logging.h>
#include <sys/stat.h>

#include <string>

#include "common/status_macros.h"

namespace longshore::http {
namespace {

namespace ssl = boost::asio::ssl;
using Context = TlsContext::Context;

// As often as gRPC looks (common/tls.cc).
constexpr std::chrono::seconds kLookPeriod{2};

absl::Status Checked(const boost::system::error_code& error, const std::string& path) {
  if (!error) return absl::OkStatus();
  return absl::FailedPreconditionError("'" + path + "' cannot be used: " + error.message());
}

// Only HTTP/1.1 is spoken.
int ChooseProtocol(SSL* /*ssl*/, const unsigned char** chosen, unsigned char* chosen_size,
                   const unsigned char* offered, unsigned offered_size, void* /*user*/) {
  static constexpr unsigned char kOurs[] = "\x08http/1.1";
  unsigned char* found = nullptr;
  if (SSL_select_next_proto(&found, chosen_size, kOurs, sizeof(kOurs) - 1, offered, offered_size) !=
      OPENSSL_NPN_NEGOTIATED) {
    return SSL_TLSEXT_ERR_NOACK;
  }
  *chosen = found;
  return SSL_TLSEXT_ERR_OK;
}

absl::StatusOr<std::shared_ptr<Context>> Read(const TlsFiles& files) {
  RETURN_IF_ERROR(CheckTlsFiles(files));
  auto context = std::make_shared<Context>(Context::tls_server);
  SSL_CTX_set_min_proto_version(context->native_handle(), TLS1_2_VERSION);
  SSL_CTX_set_alpn_select_cb(context->native_handle(), ChooseProtocol, nullptr);
  // A client may ask for a new handshake without end; each costs the server more.
  SSL_CTX_set_options(context->native_handle(), SSL_OP_NO_RENEGOTIATION);
  // Most connections are silent most of the time.
  SSL_CTX_set_mode(context->native_handle(), SSL_MODE_RELEASE_BUFFERS);
  static constexpr unsigned char kSessions[] = "longshore";
  SSL_CTX_set_session_id_context(context->native_handle(), kSessions, sizeof(kSessions) - 1);
  boost::system::error_code error;
  context->use_certificate_chain_file(files.certificate, error);
  RETURN_IF_ERROR(Checked(error, files.certificate));
  context->use_private_key_file(files.key, Context::pem, error);
  RETURN_IF_ERROR(Checked(error, files.key));
  if (!files.authority.empty()) {
    context->load_verify_file(files.authority, error);
    RETURN_IF_ERROR(Checked(error, files.authority));
    context->set_verify_mode(ssl::verify_peer | ssl::verify_fail_if_no_peer_cert, error);
    RETURN_IF_ERROR(Checked(error, files.authority));
  }
  return context;
}

}  // namespace

absl::StatusOr<std::unique_ptr<TlsContext>> TlsContext::Load(const TlsFiles& files) {
  std::unique_ptr<TlsContext> made(new TlsContext(files));
  MutexLock lock(&made->mutex_);
  made->seen_ = made->Look();
  made->looked_ = std::chrono::steady_clock::now();
  ASSIGN_OR_RETURN(made->context_, Read(files));
  return made;
}

std::shared_ptr<Context> TlsContext::Current() {
  MutexLock lock(&mutex_);
  const auto now = std::chrono::steady_clock::now();
  if (now - looked_ < kLookPeriod) return context_;
  looked_ = now;
  const FileStates states = Look();
  if (states == seen_) return context_;
  absl::StatusOr<std::shared_ptr<Context>> read = Read(files_);
  if (read.ok()) {
    context_ = *std::move(read);
    seen_ = states;
  } else {  // It is tried again: perhaps one file is new and the other not yet.
    LOG(WARNING) << "new TLS files for HTTP: " << read.status();
  }
  return context_;
}

TlsContext::FileStates TlsContext::Look() const {
  FileStates states;
  size_t at = 0;
  for (const std::string& path : {files_.certificate, files_.key, files_.authority}) {
    FileState& state = states[at++];
    struct stat found = {};
    if (path.empty() || stat(path.c_str(), &found) != 0) continue;
    state = {.inode = static_cast<int64_t>(found.st_ino),
             .size = found.st_size,
             .changed_ns = found.st_mtim.tv_sec * 1'000'000'000 + found.st_mtim.tv_nsec};
  }
  return states;
}

}  // namespace longshore::http
