#include "tests/harness/tls_flags.h"

#include <gflags/gflags.h>

#include "common/tls.h"

DEFINE_string(tls_ca, "", "PEM file: who signs the api_server's certificate.");
DEFINE_string(tls_cert, "", "PEM file: this program's own certificate.");
DEFINE_string(tls_key, "", "PEM file: the key of --tls_cert.");

namespace longshore::harness {

std::shared_ptr<grpc::ChannelCredentials> CredentialsFromFlags() {
  return MakeChannelCredentials({FLAGS_tls_cert, FLAGS_tls_key, FLAGS_tls_ca});
}

}  // namespace longshore::harness
