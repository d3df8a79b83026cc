#include "api_server/domain/audit.h"

#include <algorithm>

#include "common/sha256.h"
#include "storage/audit_store.h"

namespace longshore::domain {
namespace {

// A row that is listed with a thousand others.
constexpr size_t kMaxIds = 1000;

}  // namespace

absl::Status NoteChange(storage::Connection& connection, const Caller& caller,
                        const Change& change) {
  if (change.ids.empty()) return absl::OkStatus();
  v1::AuditEvent event;
  event.set_principal(caller.name);
  event.set_token_id(caller.token_id);
  event.set_peer(caller.peer);
  event.set_method(caller.method);
  event.set_project(change.project);
  const size_t noted = std::min(change.ids.size(), kMaxIds);
  event.mutable_ids()->Add(change.ids.begin(), change.ids.begin() + static_cast<ptrdiff_t>(noted));
  event.set_script_sha256(HexEncode(change.script_sha256));
  event.set_code("OK");
  event.set_request_id(caller.request_id);
  return storage::audit_store::Insert(connection, event);
}

}  // namespace longshore::domain
