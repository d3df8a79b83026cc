// GET .../output: what a script has printed, byte for byte.
#ifndef LONGSHORE_API_SERVER_HTTP_OUTPUT_DOWNLOAD_H_
#define LONGSHORE_API_SERVER_HTTP_OUTPUT_DOWNLOAD_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "api_server/http/rpc_client.h"
#include "http/message.h"
#include "longshore/v1/payload_service.pb.h"

namespace longshore::api_http {

// The range that a client asks for (RFC 9110, 14.1.2).
struct ByteRange {
  int64_t first = 0;
  std::optional<int64_t> last;    // Unset: to the end.
  std::optional<int64_t> suffix;  // Set: the last so many bytes; the others do not count.
};

// Reads the value of a Range header. Returns nullopt for what is to be answered with everything:
// other units, several ranges, none, and what cannot be read.
std::optional<ByteRange> ReadRange(std::string_view header);

// Answers with the output of `request.payload_id`, all that there is at the moment, or with one
// piece of what its Range header asks for. Positions count what was printed, stored or not.
void SendOutput(RpcClient* rpc, const RpcCaller& caller,
                const v1::ReadPayloadOutputRequest& request,
                std::shared_ptr<http::Exchange> exchange);

}  // namespace longshore::api_http

#endif  // LONGSHORE_API_SERVER_HTTP_OUTPUT_DOWNLOAD_H_
