// GET /api/openapi.json: what HTTP has to offer, for programs that make clients of it.
#ifndef LONGSHORE_API_SERVER_HTTP_OPENAPI_H_
#define LONGSHORE_API_SERVER_HTTP_OPENAPI_H_

#include <string>

namespace longshore::api_http {

// Returns the OpenAPI 3.1 document: the routes of rest_routes.h, the messages and comments of the
// .proto files, and the few paths beside them.
const std::string& OpenApiDocument();

}  // namespace longshore::api_http

#endif  // LONGSHORE_API_SERVER_HTTP_OPENAPI_H_
