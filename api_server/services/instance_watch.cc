#include "api_server/services/instance_watch.h"

#include <algorithm>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "api_server/domain/fields.h"
#include "api_server/services/watch_stream.h"
#include "common/status_macros.h"
#include "storage/instance_store.h"

namespace longshore::services {
namespace {

using storage::Connection;
namespace instance_store = storage::instance_store;

// Instances read at a time: so many are in memory at most.
constexpr size_t kMaxInstancesPerRead = 200;

bool IsSettled(v1::InstanceStatus status) {
  return status == v1::INSTANCE_STATUS_READY || status == v1::INSTANCE_STATUS_FAILED ||
         status == v1::INSTANCE_STATUS_TERMINATED;
}

class InstanceSource : public WatchSource<v1::Instance> {
 public:
  InstanceSource(storage::Database* database, const v1::WatchInstancesRequest& request)
      : database_(*database),
        request_(request),
        ids_(request.instance_ids().begin(), request.instance_ids().end()),
        filter_{.project = domain::ProjectOrDefault(request.selector().project()),
                .tags = {request.selector().tags().begin(), request.selector().tags().end()}} {}

  absl::Status Open(const domain::Caller& caller) override {
    scope_ = caller.scope;
    const v1::InstanceSelector& selector = request_.selector();
    if (!request_.has_selector()) return domain::CheckIds("instance_ids", request_.instance_ids());
    if (!request_.instance_ids().empty()) {
      return domain::InvalidField("selector", selector.project(),
                                  "and instance_ids are both given; give one of them");
    }
    RETURN_IF_ERROR(domain::CheckLabel("selector.project", selector.project(),
                                       domain::kMaxLabelBytes, /*required=*/false));
    return domain::CheckTags("selector.tags", selector.tags());
  }

  absl::StatusOr<std::optional<v1::Instance>> Next() override {
    if (unsent_.empty() && changed_.empty()) RETURN_IF_ERROR(FindChanged());
    while (unsent_.empty() && !changed_.empty()) RETURN_IF_ERROR(ReadChanged());
    if (unsent_.empty()) return std::nullopt;
    v1::Instance instance = std::move(unsent_.front());
    unsent_.pop_front();
    return instance;
  }

  bool IsLast(const v1::Instance& /*instance*/) const override {
    return !ids_.empty() && unsent_.empty() && changed_.empty() && sent_.size() == ids_.size() &&
           std::all_of(sent_.begin(), sent_.end(),
                       [](const auto& sent) { return IsSettled(sent.second); });
  }

 private:
  // Compares what was sent with what the database has.
  absl::Status FindChanged() {
    std::map<int64_t, v1::InstanceStatus> states;
    RETURN_IF_ERROR(database_.Run([&](Connection& connection) -> absl::Status {
      ASSIGN_OR_RETURN(
          states, ids_.empty()
                      ? instance_store::StatesOfMatching(connection, *scope_, filter_)
                      : instance_store::States(connection, *scope_, {ids_.begin(), ids_.end()}));
      return absl::OkStatus();
    }));
    for (const int64_t id : ids_) {
      if (states.count(id) == 0) return domain::InstanceNotFound(id);
    }
    for (const auto& [id, status] : states) {
      const auto sent = sent_.find(id);
      if (sent == sent_.end() || sent->second != status) changed_.insert(id);
    }
    // One that matches no more and does so again later is news again.
    std::erase_if(sent_, [&](const auto& sent) { return states.count(sent.first) == 0; });
    return absl::OkStatus();
  }

  absl::Status ReadChanged() {
    auto end = changed_.begin();
    std::advance(end, std::min(changed_.size(), kMaxInstancesPerRead));
    const std::vector<int64_t> ids(changed_.begin(), end);
    std::vector<v1::Instance> instances;
    RETURN_IF_ERROR(database_.Run([&](Connection& connection) -> absl::Status {
      ASSIGN_OR_RETURN(instances, instance_store::GetMany(connection, *scope_, ids));
      return absl::OkStatus();
    }));
    changed_.erase(changed_.begin(), end);
    for (v1::Instance& instance : instances) {
      const auto [sent, is_new] = sent_.emplace(instance.id(), instance.status());
      if (!is_new && sent->second == instance.status()) continue;
      sent->second = instance.status();
      unsent_.push_back(std::move(instance));
    }
    return absl::OkStatus();
  }

  storage::Database& database_;
  const v1::WatchInstancesRequest request_;
  const std::set<int64_t> ids_;
  const storage::InstanceFilter filter_;
  std::optional<storage::Scope> scope_;
  std::map<int64_t, v1::InstanceStatus> sent_;
  std::set<int64_t> changed_;
  std::deque<v1::Instance> unsent_;
};

}  // namespace

grpc::ServerWriteReactor<v1::Instance>* StartInstanceWatch(
    WatchHub* hub, Admission admission, const v1::WatchInstancesRequest& request) {
  return new WatchReactor<v1::Instance>(
      hub, std::move(admission), hub->OfInstances(),
      std::make_unique<InstanceSource>(&hub->database(), request));
}

}  // namespace longshore::services
