// Requests of clients, down to a real database: every answer is one of the contract's, and none is
// our own fault. Whatever the checks let through, PostgreSQL must take.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <memory>

#include "api_server/domain/deployer.h"
#include "api_server/domain/deployment_manager.h"
#include "api_server/domain/instance_creator.h"
#include "api_server/domain/instance_manager.h"
#include "api_server/domain/payload_manager.h"
#include "api_server/domain/task_manager.h"
#include "common/status.h"
#include "common/testing/postgres.h"
#include "common/utf8.h"
#include "storage/migrator.h"
#include "tests/fuzz/seeds.h"

namespace longshore::fuzz {
namespace {

class NoSignals : public domain::Signals {
  void TasksDue() override {}
  void PayloadTasksDue() override {}
  void PayloadsChanged(const std::vector<int64_t>&) override {}
  void InstancesChanged() override {}
  void CancelRequested(const std::vector<int64_t>&) override {}
  void RecallRequested(const std::vector<int64_t>&) override {}
};

// The domain over a database of its own.
class FuzzedDomain {
 public:
  FuzzedDomain() {
    FUZZ_CHECK(storage::Migrate(database_.url()).ok());
    v1::RegisterInstanceRequest request;
    request.set_name("a");
    request.set_address("host");
    FUZZ_CHECK(instances_.Register(caller_, request).ok());
    FUZZ_CHECK(instances_.Register(caller_, request).ok());  // One to be terminated.
  }

  // The first byte of `input` chooses the request; the rest is the request.
  absl::Status Ask(std::string_view input) {
    const char kind = input.empty() ? ' ' : input[0];
    input.remove_prefix(std::min<size_t>(1, input.size()));
    switch (kind) {
      case 'r':
        return Call<v1::RegisterInstanceRequest>(
            input, [&](const auto& r) { return instances_.Register(caller_, r).status(); });
      case 'n':
        return Call<v1::CreateInstanceRequest>(
            input, [&](const auto& r) { return creator_.Create(caller_, r).status(); });
      case 'i':
        return Call<v1::ListInstancesRequest>(
            input, [&](const auto& r) { return instances_.List(caller_, r).status(); });
      case 'd':
        return Call<v1::DeployPayloadRequest>(
            input, [&](const auto& r) { return deployer_.Deploy(caller_, r).status(); });
      case 'e':
        return Call<v1::ExecutePayloadRequest>(
            input, [&](const auto& r) { return payloads_.Execute(caller_, r).status(); });
      case 'g':
        return Call<v1::GetPayloadStatusRequest>(
            input, [&](const auto& r) { return reader_.Get(caller_, r.payload_id()).status(); });
      case 'c':
        return Call<v1::CancelPayloadRequest>(input, [&](const auto& r) {
          return payloads_.Cancel(caller_, r.payload_id()).status();
        });
      case 'p':
        return Call<v1::ListInstancePayloadsRequest>(
            input, [&](const auto& r) { return reader_.ListOfInstance(caller_, r).status(); });
      case 'u':
        return Call<v1::UpdateInstanceRequest>(
            input, [&](const auto& r) { return instances_.Update(caller_, r).status(); });
      case 'x':
        return Call<v1::TerminateInstanceRequest>(input, [&](const auto& r) {
          return instances_.Terminate(caller_, r.instance_id()).status();
        });
      case 'D':
        return Call<v1::GetDeploymentRequest>(input, [&](const auto& r) {
          return deployments_.Get(caller_, r.deployment_id()).status();
        });
      case 'L':
        return Call<v1::ListDeploymentsRequest>(
            input, [&](const auto& r) { return deployments_.List(caller_, r).status(); });
      case 'C':
        return Call<v1::CancelDeploymentRequest>(input, [&](const auto& r) {
          return deployments_.Cancel(caller_, r.deployment_id()).status();
        });
      case 'H':
        return Call<v1::PauseDeploymentRequest>(input, [&](const auto& r) {
          return deployments_.Pause(caller_, r.deployment_id()).status();
        });
      case 'G':
        return Call<v1::ResumeDeploymentRequest>(
            input, [&](const auto& r) { return deployments_.Resume(caller_, r).status(); });
      case 'R':
        return Call<v1::RetryDeploymentRequest>(
            input, [&](const auto& r) { return deployments_.Retry(caller_, r).status(); });
      case 'P':
        return Call<v1::ListPayloadsRequest>(
            input, [&](const auto& r) { return reader_.List(caller_, r).status(); });
      case 'o':
        return Call<v1::ReadPayloadOutputRequest>(
            input, [&](const auto& r) { return reader_.ReadOutput(caller_, r).status(); });
      case 's':
        return Call<v1::GetScriptRequest>(
            input, [&](const auto& r) { return reader_.GetScript(caller_, r.sha256()).status(); });
      case 'w':
        return Call<v1::ListWorkersRequest>(
            input, [&](const auto& r) { return tasks_.ListWorkers(caller_, r).status(); });
      case 't':
        return Call<v1::ListTasksRequest>(
            input, [&](const auto& r) { return tasks_.List(caller_, r).status(); });
      default:
        return absl::OkStatus();
    }
  }

 private:
  template <typename Request, typename Handler>
  static absl::Status Call(std::string_view bytes, Handler handler) {
    Request request;
    if (!request.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
      return absl::OkStatus();
    }
    return handler(request);
  }

  const domain::Caller caller_{.role = v1::ROLE_ADMIN, .scope = storage::Scope::Everything()};
  testing::Postgres postgres_;
  storage::Database database_{{.url = postgres_.CreateDatabase("fuzz")}};
  NoSignals signals_;
  domain::ScriptSource scripts_{{{.path = "/usr/share"}}, 1000};
  domain::Deployer deployer_{&database_, &scripts_, &signals_, {}};
  const providers::Providers providers_ = providers::MakeProviders({});
  domain::InstanceCreator creator_{&database_, &providers_, &deployer_, &signals_, {}};
  domain::InstanceManager instances_{&database_, &deployer_, &signals_, {}};
  domain::DeploymentManager deployments_{&database_, &signals_, {}, OutputLimit(1000)};
  domain::PayloadReader reader_{&database_};
  domain::PayloadManager payloads_{&database_, &reader_, &signals_, {}, OutputLimit(1000)};
  domain::TaskManager tasks_{&database_};
};

template <typename Request>
std::string Seed(char kind, void (*fill)(Request*)) {
  Request request;
  fill(&request);
  return kind + request.SerializeAsString();
}

}  // namespace

std::vector<std::string> Seeds() {
  return {
      Seed<v1::RegisterInstanceRequest>('r',
                                        [](auto* r) {
                                          r->set_name("b");
                                          r->set_address("10.0.0.1");
                                          r->set_port(22);
                                          r->set_ssh_user("ada");
                                          r->set_project("p");
                                          r->add_tags("web");
                                          r->set_request_id("id");
                                          r->set_pool("edge");
                                          r->set_become(true);
                                          r->add_jump()->set_address("10.0.0.2");
                                          r->mutable_jump(0)->set_host_key("ssh-ed25519 AAAA");
                                        }),
      Seed<v1::PauseDeploymentRequest>('H', [](auto* r) { r->set_deployment_id(1); }),
      Seed<v1::ResumeDeploymentRequest>('G', [](auto* r) { r->set_deployment_id(1); }),
      Seed<v1::CreateInstanceRequest>('n',
                                      [](auto* r) {
                                        r->set_name("c");
                                        r->set_project("p");
                                        r->add_tags("web");
                                        r->set_number_of_instances(2);
                                        r->set_provision(true);
                                        r->set_payload_path("/usr/share/a.sh");
                                        r->set_execute_payload(true);
                                        r->set_request_id("id");
                                      }),
      Seed<v1::ListInstancesRequest>('i',
                                     [](auto* r) {
                                       r->set_project("p");
                                       r->add_tags("web");
                                       r->set_page_size(5);
                                     }),
      Seed<v1::DeployPayloadRequest>('d',
                                     [](auto* r) {
                                       r->add_instance_ids(1);
                                       r->set_payload_content("true");
                                       r->set_remote_path("/opt/a.sh");
                                       r->set_timeout(5);
                                       r->set_request_id("id");
                                     }),
      Seed<v1::DeployPayloadRequest>('d',
                                     [](auto* r) {
                                       r->add_instance_ids(1);
                                       r->add_instance_ids(2);
                                       r->set_payload_path("/usr/share/none");
                                       r->set_execute_payload(true);
                                     }),
      Seed<v1::DeployPayloadRequest>('d',
                                     [](auto* r) {
                                       r->mutable_selector()->set_project("p");
                                       r->mutable_selector()->add_tags("web");
                                       r->set_payload_content("true");
                                       r->mutable_rollout()->set_max_concurrency(1);
                                       r->mutable_rollout()->set_max_errors(1);
                                     }),
      Seed<v1::DeployPayloadRequest>('d',
                                     [](auto* r) {
                                       r->add_instance_ids(1);
                                       r->set_payload_content("true");
                                       auto* rollout = r->mutable_rollout();
                                       rollout->set_max_concurrency_percent(20);
                                       rollout->add_waves()->set_count(1);
                                       rollout->add_waves()->set_percent(50);
                                       rollout->mutable_pause()->set_check_script("true");
                                     }),
      Seed<v1::UpdateInstanceRequest>('u',
                                      [](auto* r) {
                                        r->set_instance_id(1);
                                        r->set_name("c");
                                        r->add_tags("web");
                                        r->mutable_update_mask()->add_paths("name");
                                      }),
      Seed<v1::TerminateInstanceRequest>('x', [](auto* r) { r->set_instance_id(2); }),
      Seed<v1::GetDeploymentRequest>('D', [](auto* r) { r->set_deployment_id(1); }),
      Seed<v1::ListDeploymentsRequest>('L', [](auto* r) { r->set_project("p"); }),
      Seed<v1::CancelDeploymentRequest>('C', [](auto* r) { r->set_deployment_id(1); }),
      Seed<v1::RetryDeploymentRequest>('R', [](auto* r) { r->set_deployment_id(1); }),
      Seed<v1::ExecutePayloadRequest>('e', [](auto* r) { r->set_deployment_id(1); }),
      Seed<v1::ExecutePayloadRequest>('e', [](auto* r) { r->add_payload_ids(1); }),
      Seed<v1::GetPayloadStatusRequest>('g', [](auto* r) { r->set_payload_id(1); }),
      Seed<v1::CancelPayloadRequest>('c', [](auto* r) { r->set_payload_id(1); }),
      Seed<v1::ListInstancePayloadsRequest>('p',
                                            [](auto* r) {
                                              r->set_instance_id(1);
                                              r->set_page_size(1);
                                            }),
      Seed<v1::ListTasksRequest>('t', [](auto* r) { r->set_page_size(1); }),
  };
}

}  // namespace longshore::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const auto domain = std::make_unique<longshore::fuzz::FuzzedDomain>();
  const absl::Status status =
      domain->Ask(std::string_view(reinterpret_cast<const char*>(data), size));
  const std::string message = longshore::ToString(status);
  if (absl::IsInternal(status) || absl::IsUnknown(status) || absl::IsUnavailable(status)) {
    fprintf(stderr, "answered with %s\n", status.ToString().c_str());
    abort();
  }
  FUZZ_CHECK(longshore::ToValidUtf8(message) == message);
  return 0;
}
