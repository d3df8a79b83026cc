// TLS for gRPC, from files: they are checked at the start, and taken again when they change.
#ifndef LONGSHORE_COMMON_TLS_H_
#define LONGSHORE_COMMON_TLS_H_

#include <grpcpp/security/auth_context.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/security/server_credentials.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"

namespace longshore {

// Paths of PEM files. Certificate and key are both given or both empty.
struct TlsFiles {
  std::string certificate;  // The program's own, and those between it and its authority.
  std::string key;
  std::string authority;  // The certificates of those who sign peers' certificates.

  bool empty() const { return certificate.empty() && key.empty() && authority.empty(); }
};

// Checks that the files can be read, that certificate and key belong together, and that no
// certificate has run out. Errors: FailedPrecondition, which names the file.
absl::Status CheckTlsFiles(const TlsFiles& files);

// Both need files that CheckTlsFiles has accepted. gRPC looks at the files every few seconds and
// takes what has changed for new connections. Replace certificate and key together, best by
// switching a symlink to their directory: a pair that does not belong together serves nobody.
//
// With an authority a client must show a certificate; without one it shows none. TLS 1.2 or later.
std::shared_ptr<grpc::ServerCredentials> MakeServerCredentials(const TlsFiles& files);
// Without an authority the system's certificates count.
std::shared_ptr<grpc::ChannelCredentials> MakeChannelCredentials(const TlsFiles& files);

// Returns the DNS and URI names in the certificate that the peer has shown; none when it showed
// none.
std::vector<std::string> PeerNames(const grpc::AuthContext& peer);

// Returns true when `address`, HOST:PORT, names this machine alone.
bool IsLoopback(std::string_view address);

}  // namespace longshore

#endif  // LONGSHORE_COMMON_TLS_H_
