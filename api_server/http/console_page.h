// GET /: the web console (console/), whose files are part of the program.
#ifndef LONGSHORE_API_SERVER_HTTP_CONSOLE_PAGE_H_
#define LONGSHORE_API_SERVER_HTTP_CONSOLE_PAGE_H_

#include <string_view>

#include "http/message.h"

namespace longshore::api_http {

// Returns whether the console has a file at this path.
bool IsConsole(std::string_view path);

// Returns that file or, to a browser that has it already, 304. IsConsole must be true.
http::Response ConsoleResponse(const http::Request& request);

// Returns the headers of every answer with a file of the console. The page may run its own script,
// have its own style, and ask its own server; nothing else, whatever gets into it.
http::Fields ConsoleHeaders();

}  // namespace longshore::api_http

#endif  // LONGSHORE_API_SERVER_HTTP_CONSOLE_PAGE_H_
