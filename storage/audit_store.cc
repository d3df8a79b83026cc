#include "storage/audit_store.h"

#include "absl/strings/numbers.h"
#include "common/sha256.h"
#include "common/status_macros.h"
#include "storage/queries/queries.h"

namespace longshore::storage {
namespace {

v1::AuditEvent ReadEvent(const Row& row) {
  v1::AuditEvent event;
  event.set_id(row.Int("id"));
  ReadTimestamp(row, "at", [&] { return event.mutable_time(); });
  event.set_principal(row.String("principal"));
  event.set_token_id(row.Int("token_id"));
  event.set_peer(row.String("peer"));
  event.set_method(row.String("method"));
  event.set_project(row.String("project"));
  for (const std::string& text : row.TextArray("ids")) {
    int64_t id = 0;
    if (absl::SimpleAtoi(text, &id)) event.add_ids(id);
  }
  event.set_script_sha256(HexEncode(row.Bytes("script_sha256")));
  event.set_code(row.String("code"));
  event.set_reason(row.String("reason"));
  event.set_request_id(row.String("request_id"));
  return event;
}

}  // namespace

namespace audit_store {

absl::Status Insert(Connection& connection, const v1::AuditEvent& event) {
  return connection
      .Execute(queries::kInsertAuditEvent,
               Params()
                   .Text("principal", event.principal())
                   .Int("token_id", event.token_id())
                   .Text("peer", event.peer())
                   .Text("method", event.method())
                   .Text("project", event.project())
                   .Ints("ids", {event.ids().begin(), event.ids().end()})
                   .Bytes("script_sha256", HexDecode(event.script_sha256()))
                   .Text("code", event.code())
                   .Text("reason", event.reason())
                   .Text("request_id", event.request_id()))
      .status();
}

absl::StatusOr<std::vector<v1::AuditEvent>> List(Connection& connection, const Scope& scope,
                                                 const AuditFilter& filter, Page page) {
  ASSIGN_OR_RETURN(const Result result,
                   connection.Execute(queries::kListAuditEvents,
                                      scope.AddTo(Params()
                                                      .Int("from_time", filter.from)
                                                      .Int("to_time", filter.to)
                                                      .Text("project", filter.project)
                                                      .Text("principal", filter.principal)
                                                      .Int("before", page.after)
                                                      .Int("limit", page.limit))));
  std::vector<v1::AuditEvent> events;
  for (const Row row : result) events.push_back(ReadEvent(row));
  return events;
}

}  // namespace audit_store

}  // namespace longshore::storage
