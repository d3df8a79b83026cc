// The flags by which a program of the tests shows who it is: those of payload_worker.
#ifndef LONGSHORE_TESTS_HARNESS_TLS_FLAGS_H_
#define LONGSHORE_TESTS_HARNESS_TLS_FLAGS_H_

#include <grpcpp/security/credentials.h>

#include <memory>

namespace longshore::harness {

// Returns credentials from --tls_ca, --tls_cert and --tls_key.
std::shared_ptr<grpc::ChannelCredentials> CredentialsFromFlags();

}  // namespace longshore::harness

#endif  // LONGSHORE_TESTS_HARNESS_TLS_FLAGS_H_
