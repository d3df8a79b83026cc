// JSON Schemas (2020-12, as OpenAPI 3.1 has them) of messages in the one style of json_mapper.h.
#ifndef LONGSHORE_API_SERVER_HTTP_OPENAPI_SCHEMAS_H_
#define LONGSHORE_API_SERVER_HTTP_OPENAPI_SCHEMAS_H_

#include <google/protobuf/descriptor.h>

#include <map>
#include <set>
#include <string>

#include "api_server/http/json_reader.h"

namespace longshore::api_http {

// Collects the schemas of the messages and enums that are asked for, and of those in them. Not
// thread-safe.
class OpenApiSchemas {
 public:
  // Returns a reference to the schema of a message that is sent, or of one that is answered with.
  Json OfRequest(const google::protobuf::Descriptor& type);
  Json OfResponse(const google::protobuf::Descriptor& type);
  // Returns the schema of a request without some of its fields.
  Json OfRequestWithout(const google::protobuf::Descriptor& type,
                        const std::set<std::string>& fields);
  // Returns the schema of a field; of one of its values, when `one_value`.
  Json OfField(const google::protobuf::FieldDescriptor& field, bool one_value = false);

  // Returns all that have been referred to, by their names.
  Json Components() const;

 private:
  Json Refer(const google::protobuf::Descriptor& type);
  Json Object(const google::protobuf::Descriptor& type, const std::set<std::string>& without);
  Json Value(const google::protobuf::FieldDescriptor& field);

  std::map<std::string, Json> components_;
  // What is sent need not have every field; what only comes back has those without presence.
  bool in_request_ = false;
  std::set<std::string> sent_;
};

}  // namespace longshore::api_http

#endif  // LONGSHORE_API_SERVER_HTTP_OPENAPI_SCHEMAS_H_
