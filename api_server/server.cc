#include "api_server/server.h"

#include <glog/logging.h>
#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/health_check_service_interface.h>
#include <unistd.h>

#include <atomic>

#include "api_server/access/guard.h"
#include "api_server/access/token_manager.h"
#include "api_server/domain/wave_checks.h"
#include "api_server/executor/cancel_sender.h"
#include "api_server/executor/dispatcher.h"
#include "api_server/executor/event_applier.h"
#include "api_server/executor/event_sink.h"
#include "api_server/executor/instance_task_executor.h"
#include "api_server/executor/signal_bus.h"
#include "api_server/executor/worker_registry.h"
#include "api_server/executor/worker_stream.h"
#include "api_server/health.h"
#include "api_server/pruner.h"
#include "api_server/server_metrics.h"
#include "api_server/services/request_metrics.h"
#include "api_server/services/services.h"
#include "api_server/services/unreadable_requests.h"
#include "common/status_macros.h"
#include "http/server.h"
#include "storage/migrator.h"
#include "storage/scope.h"
#include "storage/worker_store.h"

namespace longshore {
namespace {

// A DeployPayload carries a script of 2 MiB and 20,000 ids; a worker's message some output. More
// is nobody's honest request.
constexpr int kMaxMessageBytes = 8 << 20;
constexpr int kMaxRequestThreads = 32;
constexpr int kWatchThreads = 3;
constexpr int kWorkerDatabaseThreads = 2;

// A client may be slow to read: its answer to a ping waits behind everything that its streams were
// sent. A worker that does not answer is better known early.
constexpr int kClientPingLimitMs = 20000;
constexpr int kWorkerPingLimitMs = 5000;

// A round of the dispatcher that takes so long hangs. Where the database is silent, the first
// statement that has waited for its answer (storage/connection.h) ends the round; where it is slow,
// this leaves time for dozens of statements, and a server that is started again would help nobody.
constexpr std::chrono::seconds kLongestRound{900};

// What is under way on a connection that has come of age has so long to end.
constexpr int kConnectionGraceMs = 30000;

void SetConnectionLimits(grpc::ServerBuilder* builder, int ping_limit_ms,
                         std::chrono::seconds max_age) {
  builder->AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_MS,
                              static_cast<int>(std::chrono::milliseconds(max_age).count()));
  builder->AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_GRACE_MS, kConnectionGraceMs);
  builder->AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, 10000);
  builder->AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, ping_limit_ms);
  builder->AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  builder->AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 4000);
  builder->AddChannelArgument(GRPC_ARG_HTTP2_MAX_PING_STRIKES, 0);
  builder->AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  builder->SetMaxReceiveMessageSize(kMaxMessageBytes);
}

absl::Status CannotListen(const std::string& address) {
  return absl::FailedPreconditionError("cannot listen on " + address + ": is it in use?");
}

absl::Status CheckFiles(const char* flags, const TlsFiles& files) {
  const absl::Status status = CheckTlsFiles(files);
  if (status.ok()) return absl::OkStatus();
  return absl::FailedPreconditionError(std::string(flags) + ": " + std::string(status.message()));
}

// Nobody is to reach the ports of another machine without saying who they are.
absl::Status CheckTls(const ServerOptions& options) {
  if (options.insecure) {
    for (const std::string& address :
         {options.listen, options.worker_listen, options.http_listen}) {
      if (address.empty() || IsLoopback(address)) continue;
      return absl::FailedPreconditionError("--insecure is for loopback addresses only, and " +
                                           address + " is none: use TLS (docs/security.md)");
    }
    return absl::OkStatus();
  }
  if (options.tls.certificate.empty()) {
    return absl::FailedPreconditionError(
        "--tls_cert and --tls_key are missing (docs/security.md says how to make them; on loopback "
        "--insecure does without)");
  }
  if (options.worker_tls.certificate.empty() || options.worker_tls.authority.empty()) {
    return absl::FailedPreconditionError(
        "--worker_tls_cert, --worker_tls_key and --worker_client_ca are missing: workers are known "
        "by their certificates (docs/security.md)");
  }
  RETURN_IF_ERROR(CheckFiles("--tls_cert, --tls_key, --tls_client_ca", options.tls));
  return CheckFiles("--worker_tls_cert, --worker_tls_key, --worker_client_ca", options.worker_tls);
}

std::shared_ptr<grpc::ServerCredentials> Credentials(const ServerOptions& options,
                                                     const TlsFiles& files) {
  return options.insecure ? grpc::InsecureServerCredentials() : MakeServerCredentials(files);
}

// Names this process in the tasks that it carries out itself.
std::string OwnName() {
  char host[256] = "";
  gethostname(host, sizeof(host) - 1);
  return "api_server " + std::string(host) + "-" + std::to_string(getpid());
}

// Of the server as a whole and of each public service by its name.
void SetServing(const grpc::Server& server, bool serving) {
  grpc::HealthCheckServiceInterface* health = server.GetHealthCheckService();
  health->SetServingStatus(serving);
  for (const char* service :
       {v1::InstanceService::service_full_name(), v1::PayloadService::service_full_name(),
        v1::TaskService::service_full_name(), v1::AccessService::service_full_name()}) {
    health->SetServingStatus(service, serving);
  }
}

}  // namespace

// In the order of construction; taken apart in Drain, from the outside in.
struct Server::Parts {
  explicit Parts(const ServerOptions& server_options)
      : options(server_options),
        database({.url = options.database_url, .max_connections = options.database_connections}),
        watches(&database, kWatchThreads, options.max_watches_per_token),
        feeds(&watches),
        signals(&database, [this](const executor::SignalSet& set) { OnSignals(set); }),
        scripts(options.allowed_payload_dirs, options.max_payload_bytes),
        deployer(&database, &scripts, &signals, options.deploy),
        providers(providers::MakeProviders(options.providers)),
        instances(&database, &deployer, &signals, options.deploy.quotas),
        instance_creator(&database, &providers, &deployer, &signals, options.deploy.quotas),
        payload_reader(&database),
        payloads(&database, &payload_reader, &signals, options.deploy,
                 OutputLimit(options.max_output_bytes)),
        deployments(&database, &signals, options.deploy, OutputLimit(options.max_output_bytes)),
        tasks(&database),
        guard(&database, {.insecure = options.insecure,
                          .requests_per_second = options.requests_per_second_per_token}),
        tokens(&database),
        instance_service(&guard, &instances, &instance_creator, &watches),
        payload_service(&guard, &deployer, &payloads, &payload_reader, &deployments, &watches,
                        &feeds),
        task_service(&guard, &tasks),
        access_service(&guard, &tokens),
        watching_database({.url = options.database_url, .max_connections = 2}),
        metrics(&database, &watching_database, &workers),
        applier(&database, {.max_output_bytes = options.max_output_bytes,
                            .delivery_timeout = options.deploy.delivery_timeout,
                            .execution_grace = options.execution_grace,
                            .retry_backoff = options.retry_backoff}),
        sink(&database, &applier, &signals, options.lease_duration),
        dispatcher(&database, &workers, &signals,
                   {.claim = {.lease_duration = options.lease_duration,
                              .max_running_per_instance = options.max_running_per_instance},
                    .max_output_bytes = options.max_output_bytes,
                    .delivery_timeout = options.deploy.delivery_timeout,
                    .execution_grace = options.execution_grace,
                    .deploy_check =
                        [this](storage::Connection& connection,
                               const storage::rollout_store::WaveCheck& check) {
                          return domain::DeployCheck(connection, deployer, check);
                        }}),
        instance_steps(&database, &providers, &signals,
                       {.max_output_bytes = options.max_output_bytes,
                        .authorized_keys_file = options.authorized_keys_file}),
        instance_tasks(&database, &providers, &instance_steps,
                       {.owner = OwnName(), .lease_duration = options.lease_duration}),
        refused_workers(options.refused_workers_file),
        worker_database_work(kWorkerDatabaseThreads),
        cancels(&database, &workers, &worker_database_work),
        worker_service({.database = &database,
                        .registry = &workers,
                        .sink = &sink,
                        .database_work = &worker_database_work,
                        .on_credit = [this] { dispatcher.CreditCame(); },
                        .lease_duration = options.lease_duration,
                        .lease_groups = options.lease_groups,
                        .names_by_certificate = !options.insecure,
                        .refused = &refused_workers}),
        webhooks(&database, options.webhooks),
        pruner(&database, options.retention) {
    ready = true;
  }

  // Signals may come from the listener before everything is built: those are made up for by the
  // first round of each part.
  void OnSignals(const executor::SignalSet& set) {
    if (!ready) return;
    if (set.tasks_due || set.payload_tasks_due) dispatcher.Wake();
    if (set.tasks_due) instance_tasks.Wake();
    if (set.instances) watches.InstancesChanged();
    if (set.all_payloads) {
      watches.AnythingChanged();
    } else if (!set.payloads.empty()) {
      watches.PayloadsChanged(set.payloads);
    }
    std::set<int64_t> stopped = set.cancels;
    stopped.insert(set.recalls.begin(), set.recalls.end());
    cancels.Look(stopped);
  }

  absl::Status CheckReady() { return watching_database.Run(storage::CheckSchema); }

  // Returns how many pools have no worker, if it is ready.
  absl::StatusOr<int64_t> CountLackingPools() {
    int64_t lacking = 0;
    RETURN_IF_ERROR(watching_database.Run([&](storage::Connection& connection) -> absl::Status {
      RETURN_IF_ERROR(storage::CheckSchema(connection));
      ASSIGN_OR_RETURN(const auto pools, storage::worker_store::PoolsWithoutWorker(
                                             connection, storage::Scope::Everything()));
      lacking = static_cast<int64_t>(pools.size());
      return absl::OkStatus();
    }));
    return lacking;
  }

  // Whether metrics may be read: they are of every project.
  absl::Status MayRead(const api_http::RpcCaller& caller) {
    if (options.open_metrics) return absl::OkStatus();
    ASSIGN_OR_RETURN(const domain::Caller known,
                     guard.Admit({.method = "Metrics.Read",
                                  .peer = caller.peer,
                                  .authorization = caller.authorization}));
    if (known.scope.has_everything()) return absl::OkStatus();
    return domain::ProjectForbidden("project", "*");
  }

  const ServerOptions options;
  std::atomic<bool> ready = false;
  storage::Database database;
  services::WatchHub watches;
  services::DeploymentFeeds feeds;
  executor::WorkerRegistry workers;
  executor::SignalBus signals;
  domain::ScriptSource scripts;
  domain::Deployer deployer;
  providers::Providers providers;
  domain::InstanceManager instances;
  domain::InstanceCreator instance_creator;
  domain::PayloadReader payload_reader;
  domain::PayloadManager payloads;
  domain::DeploymentManager deployments;
  domain::TaskManager tasks;
  access::Guard guard;
  access::TokenManager tokens;
  services::InstanceServiceImpl instance_service;
  services::PayloadServiceImpl payload_service;
  services::TaskServiceImpl task_service;
  services::AccessServiceImpl access_service;
  storage::Database watching_database;  // For those who watch over this server.
  ServerMetrics metrics;
  executor::EventApplier applier;
  executor::EventSink sink;
  executor::Dispatcher dispatcher;
  executor::InstanceSteps instance_steps;
  executor::InstanceTaskExecutor instance_tasks;
  executor::RefusedWorkers refused_workers;
  WorkQueue worker_database_work;
  executor::CancelSender cancels;
  executor::WorkerServiceImpl worker_service;
  webhooks::WebhookSender webhooks;
  Pruner pruner;
  std::unique_ptr<grpc::Server> public_server;
  std::unique_ptr<grpc::Server> worker_server;
  std::unique_ptr<Health> health;
  std::unique_ptr<api_http::Front> front;
  std::unique_ptr<http::Server> http_server;
  int port = 0;
  int worker_port = 0;
};

Server::Server(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

Server::~Server() { Drain(); }

int Server::port() const { return parts_->port; }

int Server::worker_port() const { return parts_->worker_port; }

int Server::http_port() const {
  return parts_->http_server == nullptr ? 0 : parts_->http_server->port();
}

absl::Status Server::StartHttp() {
  Parts* const parts = parts_.get();
  const ServerOptions& options = parts->options;
  if (options.http_listen.empty()) return absl::OkStatus();
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(-1);  // What this process answers is bounded as it is.
  parts->front = std::make_unique<api_http::Front>(
      parts->public_server->InProcessChannel(arguments),
      [parts] { return parts->CountLackingPools(); },
      api_http::MetricsHooks{
          .may_read = [parts](const api_http::RpcCaller& caller) { return parts->MayRead(caller); },
          .refresh = [parts] { parts->metrics.Refresh(); }},
      options.http);
  ASSIGN_OR_RETURN(parts->http_server,
                   http::Server::Start({.listen = options.http_listen,
                                        .tls = options.insecure ? TlsFiles() : options.tls,
                                        .max_body_bytes = kMaxMessageBytes},
                                       parts->front.get()));
  return absl::OkStatus();
}

absl::Status Server::Check(const ServerOptions& options) {
  RETURN_IF_ERROR(CheckTls(options));
  if (!options.webhooks.file.empty()) {
    RETURN_IF_ERROR(webhooks::ReadWebhooks(options.webhooks.file).status());
  }
  return executor::RefusedWorkers(options.refused_workers_file).Read();
}

absl::StatusOr<std::unique_ptr<Server>> Server::Start(const ServerOptions& options) {
  RETURN_IF_ERROR(Check(options));
  RETURN_IF_ERROR(storage::Migrate(options.database_url));
  grpc::EnableDefaultHealthCheckService(true);
  static const bool reflection = [] {
    grpc::reflection::InitProtoReflectionServerBuilderPlugin();
    return true;
  }();
  (void)reflection;
  // Whatever fails from here on, what has begun is drained.
  std::unique_ptr<Server> server(new Server(std::make_unique<Parts>(options)));
  Parts* const parts = server->parts_.get();
  RETURN_IF_ERROR(parts->webhooks.Start());
  if (!options.bootstrap_token_file.empty()) {
    RETURN_IF_ERROR(access::WriteFirstToken(parts->database, options.bootstrap_token_file));
  }

  grpc::ServerBuilder builder;
  SetConnectionLimits(&builder, kClientPingLimitMs, options.max_connection_age);
  grpc::ResourceQuota quota("public");
  quota.SetMaxThreads(kMaxRequestThreads);
  builder.SetResourceQuota(quota);
  std::vector<std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface>> interceptors;
  interceptors.push_back(services::CountRequests());
  interceptors.push_back(services::RefuseUnreadableRequests());
  builder.experimental().SetInterceptorCreators(std::move(interceptors));
  builder.AddListeningPort(options.listen, Credentials(options, options.tls), &parts->port);
  builder.RegisterService(&parts->instance_service);
  builder.RegisterService(&parts->payload_service);
  builder.RegisterService(&parts->task_service);
  builder.RegisterService(&parts->access_service);
  parts->public_server = builder.BuildAndStart();
  if (parts->public_server == nullptr) return CannotListen(options.listen);
  SetServing(*parts->public_server, true);
  parts->health = std::make_unique<Health>(
      [parts] { return parts->CheckReady(); },
      [parts](bool serving) { SetServing(*parts->public_server, serving); });

  grpc::ServerBuilder worker_builder;
  SetConnectionLimits(&worker_builder, kWorkerPingLimitMs, options.max_connection_age);
  worker_builder.AddListeningPort(options.worker_listen, Credentials(options, options.worker_tls),
                                  &parts->worker_port);
  worker_builder.RegisterService(&parts->worker_service);
  parts->worker_server = worker_builder.BuildAndStart();
  if (parts->worker_server == nullptr) return CannotListen(options.worker_listen);
  RETURN_IF_ERROR(server->StartHttp());
  return server;
}

ServiceState Server::state() const {
  return {.alive = parts_->dispatcher.RoundTaken() < kLongestRound,
          .status = "serving; workers: " + std::to_string(parts_->workers.size())};
}

void Server::Drain() {
  Parts& parts = *parts_;
  if (!parts.ready.exchange(false)) return;
  const auto deadline = std::chrono::system_clock::now() + parts.options.drain_timeout;
  if (parts.health != nullptr) parts.health->BeginDrain();
  if (parts.http_server != nullptr) {
    parts.front->BeginDrain();
    parts.http_server->BeginDrain();
  }
  parts.dispatcher.Shutdown();
  parts.instance_tasks.Shutdown();
  parts.workers.BeginDrain();
  parts.watches.Shutdown();
  if (parts.http_server != nullptr) {
    // While the public services still answer: their end would take the calls under way with it.
    parts.http_server->AwaitAnswers(std::chrono::duration_cast<std::chrono::milliseconds>(
        deadline - std::chrono::system_clock::now()));
    parts.front->Shutdown();
    parts.http_server->Shutdown();
  }
  if (parts.health != nullptr) parts.health->Shutdown();
  if (parts.public_server != nullptr) parts.public_server->Shutdown(deadline);
  if (parts.worker_server != nullptr) parts.worker_server->Shutdown(deadline);
  parts.watches.streams()->AwaitNone();
  parts.sink.Shutdown();
  parts.worker_database_work.Shutdown();
  parts.worker_service.AwaitStreams();
  parts.webhooks.Shutdown();
  parts.pruner.Shutdown();
  parts.signals.Shutdown();
}

}  // namespace longshore
