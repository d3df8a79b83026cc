// What is looked at in the head of a request before its body is read.
#ifndef LONGSHORE_HTTP_REQUEST_HEAD_H_
#define LONGSHORE_HTTP_REQUEST_HEAD_H_

#include <boost/beast/http/message.hpp>
#include <optional>

#include "http/message.h"

namespace longshore::http {

// Returns the refusal of a request that others on the way may read differently from us, or that we
// do not read: nullopt when there is nothing against it. After a refusal the connection ends, for
// nobody knows where the next request begins.
//
// Sources: RFC 9112, 3.2 (one Host), 6.1 and 6.3 (one length), RFC 9110, 5.5 (values of fields).
std::optional<Response> RefuseHead(const boost::beast::http::request_header<>& head);

// Returns an answer that says why, for people: {"error": {"code": CODE, "message": MESSAGE}}.
Response PlainError(int status, const char* code, const char* message);

}  // namespace longshore::http

#endif  // LONGSHORE_HTTP_REQUEST_HEAD_H_
