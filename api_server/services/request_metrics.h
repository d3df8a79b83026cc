// Counts the calls of the public services: how many, how they ended, how long they took.
#ifndef LONGSHORE_API_SERVER_SERVICES_REQUEST_METRICS_H_
#define LONGSHORE_API_SERVER_SERVICES_REQUEST_METRICS_H_

#include <grpcpp/support/server_interceptor.h>

#include <memory>

namespace longshore::services {

// Makes the interceptor of a server: it sees every call of every method, however it is answered.
std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface> CountRequests();

}  // namespace longshore::services

#endif  // LONGSHORE_API_SERVER_SERVICES_REQUEST_METRICS_H_
