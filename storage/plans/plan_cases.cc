#include "storage/plans/plan_cases.h"

#include <utility>

namespace longshore::storage {
namespace {

// As many as a transaction changes at once.
constexpr int kBatch = 200;

std::string Ids(int64_t first, int count = kBatch) {
  std::string text = "'{";
  for (int i = 0; i < count; ++i) text += (i == 0 ? "" : ",") + std::to_string(first + i);
  return text + "}'";
}

// The payloads, and the tasks, of a kind of open_work.sql.
std::string Of(int kind, int count = kBatch) { return Ids(2000001 + 1000 * kind, count); }

std::string Fill(const std::string& value, int count = kBatch) {
  return "array_fill(" + value + ", ARRAY[" + std::to_string(count) + "])";
}

constexpr int kDue = 0;
constexpr int kGated = 1;
constexpr int kRunning = 2;
constexpr int kDelivered = 9;

// What has just been given ids.
std::string New() { return Ids(4000001); }
std::string HalfOfInstances() { return Ids(1, 5000); }

std::vector<PlanCase> ClaimCases() {
  const std::map<std::string, std::string> flows = {
      {"pools", "'{default,default}'"},
      {"projects", "'{default,project5}'"},
      {"deployment_ids", "'{19810,20001}'"},
      {"shares", "'{195,5}'"},
  };
  return {
      {"find_due_flows", {{"most_counted", "200"}}},
      {"find_due", flows},
      {"claim_due", flows},
      {"claim_tasks", {{"task_ids", Of(kDue)}}},
      {"look_ahead"},
      {"renew_leases", {{"task_ids", Ids(2002601)}, {"workers", Fill("'w1'::text")}}},
      {"release_leases", {{"workers", Fill("'w1'::text")}}},
      {"make_lease_group", {{"old_groups", "'{1}'"}}},
      {"limit_idle_transaction", {{"milliseconds", "'2000'"}}},
      {"lock_leases", {{"workers", Fill("'w1'::text")}}},
      {"lock_free_leases", {{"workers", Fill("'w1'::text")}}},
      {"leave_lease_groups", {{"old_groups", "'{1}'"}}},
      {"renew_locked_leases"},
      // It looks at each of the group's leases.
      {"renew_lease_groups",
       {{"groups", Ids(1, 1)},
        {"workers", "'{w1}'"},
        {"tasks", "'{500}'"},
        {"task_id_sums", "'{1001125250}'"},
        {"lease_epoch_sums", "'{500}'"}},
       /*may_be_empty=*/false,
       /*reads=*/500},
      {"end_lease_groups", {}, /*may_be_empty=*/true},
      {"delete_lease_groups", {}, /*may_be_empty=*/true},
      {"find_expired_leases"},
      {"lock_held_tasks", {{"task_ids", Ids(2002801)}}},
      {"reap_expired_leases", {{"task_ids", Ids(2002801)}}},
      // It looks at all that is held.
      {"find_undelivered", {}, /*may_be_empty=*/true, /*reads=*/2600},
      {"find_overrun", {}, /*may_be_empty=*/true},
      // It looks at each that waits.
      {"wake_stranded", {}, /*may_be_empty=*/true, /*reads=*/1000},
      {"claim_run_cleanups", {{"scope", "'{project1,project2}'"}}},
      {"give_up_run_cleanups", {}, /*may_be_empty=*/true},
      {"delete_run_cleanups",
       {{"payload_ids", Ids(999001)},
        {"task_ids", Fill("0::bigint")},
        {"lease_epochs", Fill("0::bigint")},
        {"workers", Fill("''::text")}}},
      {"claim_provision_tasks", {}},
      {"find_overdue_provision_tasks", {}, /*may_be_empty=*/true},
      {"is_provision_task_in_time", {{"id", "2100101"}}},
      {"claim_instance_tasks"},
      {"find_next_instance_task"},
      {"lock_held_instance_task", {{"id", "2002001"}}},
      {"postpone_instance_task", {{"id", "2002001"}}},
      {"end_instance_task", {{"id", "2002001"}, {"status", "'COMPLETED'"}}},
      {"mark_instance_created", {{"id", "5"}}},
      {"mark_instance_ready", {{"id", "5"}}},
      {"get_machine", {{"instance_id", "5"}}},
      {"get_script_for_holder", {{"sha256", "sha256('script 1')"}}, /*may_be_empty=*/true},
      {"mark_workers_seen", {}, /*may_be_empty=*/true},
      {"upsert_worker", {{"name", "'w1'"}}},
  };
}

std::vector<PlanCase> RolloutCases() {
  return {
      {"open_gates"},
      {"end_waves"},
      {"begin_waves", {}, /*may_be_empty=*/true},
      {"lock_wave_to_check", {}, /*may_be_empty=*/true},
      {"set_check_deployment", {{"id", "19820"}}},
      {"stop_rollout", {{"id", "19811"}}},
      {"stop_rollouts_after_checks", {}, /*may_be_empty=*/true},
      {"stop_rollouts_after_failures",
       {{"failed_payload_ids", Of(kGated)}},
       /*may_be_empty=*/true},
      {"find_stopped_tasks"},
      {"recall_tasks"},
      {"settle_rollouts", {}, /*may_be_empty=*/true},
      {"find_rollouts_of_tasks", {{"task_ids", Of(kGated)}}},
      {"begin_rollouts", {{"deployment_ids", "'{19811,19817}'"}}},
      {"pause_rollout", {{"id", "19810"}}},
      {"lock_ungated_tasks", {{"id", "19810"}}},
      {"gate_tasks", {{"id", "19810"}}},
      {"find_check", {{"id", "19810"}}, /*may_be_empty=*/true},
      {"resume_rollout", {{"id", "19820"}}},
  };
}

std::vector<PlanCase> EventCases() {
  return {
      {"start_runs", {{"payload_ids", Of(kDue)}, {"task_ids", Of(kDue)}}},
      {"start_held_runs",
       {{"task_ids", Ids(2005501)},
        {"workers", Fill("'w1'::text")},
        {"remote_paths", Fill("''::text")}}},
      {"append_held_output", {{"workers", Fill("'w1'::text")}, {"data", Fill("'\\x78'::bytea")}}},
      {"complete_held_runs",
       {{"workers", Fill("'w1'::text")},
        {"run_directories", Fill("true")},
        {"webhooks_are_told", "true"}}},
      {"hold_tasks", {{"workers", Fill("'w1'::text")}, {"with_capacity", "true"}}},
      {"learn_homes", {{"ids", Of(kDue)}}, /*may_be_empty=*/true},
      {"mark_payloads_transferred", {{"ids", Of(kDue)}}},
      {"append_output", {{"data", Fill("'\\x78'::bytea")}}},
      {"delete_middle_of_output", {}, /*may_be_empty=*/true},
      {"trim_output", {}, /*may_be_empty=*/true},
      {"end_tasks",
       {{"task_statuses", Fill("'COMPLETED'::text")},
        {"statuses", Fill("'COMPLETED'::text")},
        {"instance_ids", Ids(2)}}},
      {"tell_of_ended_deployments"},
      {"lock_tasks"},
      {"lock_tasks_of_payloads", {{"scope", "'{project2}'"}}},
      {"find_stop_requests", {}, /*may_be_empty=*/true},
      {"request_cancel"},
      {"mark_maybe_started"},
      {"wait_for_output"},
      {"reschedule_tasks"},
      {"pin_host_key", {{"id", "5"}}},
      {"append_task_log", {{"task_id", "1000002"}}},
  };
}

std::vector<PlanCase> DeployCases() {
  return {
      {"find_token", {{"id", "5"}}},
      {"mark_token_used", {{"id", "5"}}},
      {"any_token"},
      {"find_valid_tokens", {{"ids", "'{1,2,3}'"}}},
      {"lock_valid_token", {{"id", "5"}}},
      {"get_request_answer"},
      {"claim_request_id", {{"request_id", "'new'"}}},
      {"set_request_answer"},
      {"insert_audit_event"},
      {"insert_script", {{"sha256", "sha256('new')"}}},
      {"hold_script"},
      {"lock_targets", {{"ids", HalfOfInstances()}, {"scope", "'{project1}'"}}, false, 5000},
      {"lock_matching_targets",
       {{"project", "'project1'"}, {"tags", "'{all}'"}, {"limit", "10000"}},
       false,
       10000},
      // The tags of a hundred instances, ten of which are in the project.
      {"lock_matching_targets",
       {{"project", "'project1'"}, {"tags", "'{rack11}'"}, {"limit", "10000"}}},
      {"list_instance_states", {{"ids", HalfOfInstances()}}, false, 5000},
      {"list_matching_instance_states", {{"project", "'project1'"}, {"tags", "'{rack11}'"}}},
      // With a quota only. It counts them among all that are open.
      {"count_open_tasks", {{"project", "'project1'"}}, false, 10000},
      {"count_instances", {{"project", "'project1'"}}, false, 1000},
      {"insert_deployment"},
      {"insert_payloads",
       {{"payload_ids", New()},
        {"task_ids", New()},
        {"waves", Fill("0")},
        {"deployment_id", "19801"}}},
      {"insert_payloads_and_tasks",
       {{"payload_ids", New()},
        {"task_ids", New()},
        {"waves", Fill("0")},
        {"type", "'PAYLOAD_TRANSFER'"},
        {"depends_on", Fill("NULL::bigint")},
        {"deployment_id", "19801"}}},
      {"insert_tasks",
       {{"payload_ids", Of(kDelivered)},
        {"task_ids", New()},
        {"type", "'PAYLOAD_EXECUTE'"},
        {"depends_on", Fill("NULL::bigint")}}},
      {"set_payload_tasks", {{"ids", Of(kDelivered)}, {"task_ids", New()}}},
      {"retry_payloads", {{"ids", Ids(1)}, {"task_ids", New()}}},
      {"insert_instance_task", {{"instance_id", "2"}, {"type", "'TERMINATE_INSTANCE'"}}},
      {"cancel_other_instance_tasks", {{"id", "1"}}, /*may_be_empty=*/true},
      {"request_cancel_of_other_instance_tasks", {{"id", "1"}}, /*may_be_empty=*/true},
      {"find_address_of_others", {}, /*may_be_empty=*/true},
      {"find_open_instance_task", {{"instance_id", "2"}, {"type", "'CREATE_INSTANCE'"}}},
      {"move_tasks_to_pool", {{"instance_id", "2"}}},
      {"update_instance", {{"id", "5"}}},
      {"mark_instance_terminating", {{"id", "5"}}},
      {"mark_instance_terminated", {{"id", "5"}}},
  };
}

std::vector<PlanCase> ReadCases() {
  const std::string in_the_middle = "500000";
  return {
      {"get_payload", {{"id", "2001001"}}},
      {"get_payloads", {{"scope", "'{project2}'"}}},
      {"lock_payloads", {{"scope", "'{project2}'"}}},
      {"get_payload_update_times"},
      // A list that leaves out the rows of other projects, or finds no index for what it is asked
      // for, goes through the latest rows until it is full. There are eight thousand latest rows of
      // two or three projects here, and ten thousand tasks that are open.
      {"list_payloads", {}, false, 5500},
      {"list_payloads", {{"before", in_the_middle}}},
      {"list_payloads", {{"scope", "'{nobody}'"}}},
      {"list_payloads", {{"status", "'FAILED'"}, {"scope", "'{nobody}'"}}},
      {"list_payloads", {{"instance_id", "1"}}},
      {"list_payloads", {{"deployment_id", "101"}}, /*may_be_empty=*/true},
      // All of the deployment, to find those with the highest ids.
      {"list_payloads", {{"deployment_id", "19801"}}, false, 10000},
      {"list_payloads", {{"status", "'FAILED'"}}},
      {"list_payloads", {{"status", "'PENDING'"}}, false, 5000},
      {"list_payloads", {{"status", "'EXECUTING'"}}},
      {"list_payloads", {{"failure_reason", "'EXIT_CODE'"}}},
      {"list_payloads", {{"failure_reason", "'DEADLINE'"}}, /*may_be_empty=*/true},
      {"list_payload_states", {{"deployment_id", "19801"}}},
      {"list_payload_ids_of_deployment",
       {{"deployment_id", "19801"}, {"statuses", "'{FAILED,CANCELLED}'"}}},
      {"list_open_payload_ids_of_instance", {{"instance_id", "2"}}},
      {"count_payloads", {{"deployment_ids", "'{19801}'"}}, false, 10000},
      {"count_payloads", {{"deployment_ids", Ids(1001, 100)}}, false, 5000},
      {"read_output_ends", {{"payload_id", in_the_middle}, {"end_bytes", "1000"}}},
      {"read_output_from", {{"payload_id", in_the_middle}, {"attempt", "0"}}},
      {"get_deployment", {{"id", "11"}, {"scope", "'{project3}'"}}},
      {"get_deployment_summary", {{"id", "19801"}}, false, 10000},
      {"list_deployments"},
      {"list_deployments", {{"project", "'project1'"}}, false, 2300},
      {"list_deployments", {{"project", "'nobody'"}}, /*may_be_empty=*/true},
      {"list_deployments", {{"scope", "'{nobody}'"}}},
      {"get_task", {{"task_id", "2001001"}}},
      {"get_task_log", {{"task_id", "1000002"}}},
      {"list_tasks", {}, false, 6000},
      {"list_tasks", {{"before_id", in_the_middle}}},
      {"list_tasks", {{"scope", "'{nobody}'"}}},
      {"list_tasks", {{"instance_id", "1"}}},
      {"list_tasks", {{"status", "'RUNNING'"}}, false, 6000},
      {"list_tasks", {{"status", "'PENDING'"}}, false, 6000},
      {"list_tasks", {{"status", "'CANCELLED'"}}, /*may_be_empty=*/true},
      {"list_tasks", {{"type", "'PROVISION_INSTANCE'"}}},
      // All of this type.
      {"list_tasks", {{"type", "'PROVISION_INSTANCE'"}, {"status", "'RUNNING'"}}, true, 10000},
      {"get_instance", {{"id", "1"}}},
      {"get_instances", {{"ids", Ids(1, 1000)}, {"scope", "'{project1}'"}}, false, 1000},
      {"list_instances"},
      {"list_instances", {{"project", "'project1'"}, {"tags", "'{rack11}'"}}},
      {"list_instances", {{"status", "'FAILED'"}}, /*may_be_empty=*/true},
      // It counts what they hold.
      {"list_workers", {}, false, 3000},
      {"pools_without_worker", {{"scope", "'{default}'"}}},
      {"list_tokens", {{"scope", "'{project1}'"}}},
      {"list_audit_events"},
      {"list_audit_events", {{"scope", "'{nobody}'"}}},
      {"list_audit_events", {{"project", "'project1'"}}},
      {"list_audit_events", {{"project", "'nobody'"}}, /*may_be_empty=*/true},
      {"list_audit_events", {{"principal", "'token1'"}}, false, 5000},
      {"list_audit_events", {{"principal", "'nobody'"}}, /*may_be_empty=*/true},
      {"list_audit_events",
       {{"from_time", "(extract(epoch FROM now() - interval '99 days 1 hour') * 1000000)::bigint"},
        {"to_time", "(extract(epoch FROM now() - interval '99 days') * 1000000)::bigint"}}},
      {"get_script", {{"scope", "'{project1}'"}}},
      // All that are open.
      {"open_tasks", {}, false, 8000},
  };
}

std::vector<PlanCase> PruneCases() {
  return {
      {"prune_payloads"},
      {"prune_deployments", {{"ids", Ids(1, 1000)}}, /*may_be_empty=*/true, /*reads=*/1500},
      {"mark_pruned_deployments", {{"ids", Ids(1, 1000)}}},
      {"prune_instance_tasks", {{"retain_seconds", "86400"}}},
      {"prune_instances", {}, /*may_be_empty=*/true},
      {"lock_unused_scripts", {}, /*may_be_empty=*/true, /*reads=*/20000, /*whole_tables=*/true},
      {"prune_scripts", {{"sha256s", "ARRAY[sha256('script 1')]"}}, /*may_be_empty=*/true},
      {"prune_workers", {}, /*may_be_empty=*/true},
      {"prune_request_ids", {{"retain_seconds", "86400"}}},
      {"prune_audit", {{"retain_seconds", "2678400"}}},
  };
}

}  // namespace

const std::map<std::string, std::string>& Common() {
  static const auto* const kCommon = new std::map<std::string, std::string>{
      {"address", "'host1'"},
      {"after", "0"},
      {"attempts", Fill("1::bigint")},
      {"become", "false"},
      {"before", "0"},
      {"before_id", "0"},
      {"capacity", "1000"},
      {"check_deployment_id", "1"},
      {"check_script_sha256", "''"},
      {"code", "'OK'"},
      {"content", "'\\x78'"},
      {"delay_milliseconds", "1000"},
      {"delays_milliseconds", Fill("1000::bigint")},
      {"delivery_timeout_seconds", "3600"},
      {"deployment_id", "0"},
      {"depends_on", "0"},
      {"end_bytes", Fill("1::bigint")},
      {"ends_payload", Fill("true")},
      {"error", "''"},
      {"errors", Fill("''::text")},
      {"every_project", "true"},
      {"execute_payload", "true"},
      {"executed", Fill("true")},
      {"execution_times_us", Fill("1::bigint")},
      {"exit_codes", Fill("0")},
      {"failed", "true"},
      {"failure_reason", "''"},
      {"failure_reasons", Fill("''::text")},
      {"fingerprint", "sha256('x')"},
      {"from_time", "0"},
      {"grace_seconds", "60"},
      {"head_bytes", "100"},
      {"host_key", "''"},
      {"id", "0"},
      {"ids", Of(kRunning)},
      {"incarnation", "'x'"},
      {"instance_id", "0"},
      {"instance_ids", Ids(1)},
      {"jump", "'{}'"},
      {"kept_bytes", "1000000"},
      {"kept_characters", "1000"},
      {"lease_epoch", "1"},
      {"lease_epochs", Fill("1::bigint")},
      {"lease_milliseconds", "60000"},
      {"leftovers", Fill("'run'::text")},
      {"limit", "200"},
      {"log", "'x'"},
      {"max_concurrency", "0"},
      {"max_errors", "0"},
      {"max_output_bytes", "1000000"},
      {"max_running_per_instance", "8"},
      {"method", "'DeployPayload'"},
      {"name", "''"},
      {"names", "'{w1,w2}'"},
      {"offset", "0"},
      {"original_path", "'/x'"},
      {"output_bytes", Fill("1::bigint")},
      {"output_missing", Fill("false")},
      {"owner", "'server'"},
      {"payload_id", "0"},
      {"payload_ids", Of(kRunning)},
      {"peer", "'host'"},
      {"period_milliseconds", "10000"},
      {"payloads", "3"},
      {"pool", "'default'"},
      {"port", "22"},
      {"principal", "''"},
      {"project", "''"},
      {"projects", "'{project1}'"},
      {"readiness_milliseconds", "1000"},
      {"reason", "''"},
      {"remote_path", "'/x'"},
      {"remote_paths", Fill("'/new'::text")},
      {"request", "'\\x78'"},
      {"request_id", "md5('1')"},
      {"response", "'\\x78'"},
      {"retain_seconds", "7603200"},
      {"run_ids", Fill("''::text")},
      {"scope", "'{project1,project2}'"},
      {"script_bytes", "4"},
      {"script_sha256", "sha256('script 1')"},
      {"set_aside", "'{}'"},
      {"set_become", "false"},
      {"set_host_key", "false"},
      {"set_jump", "false"},
      {"set_tags", "false"},
      {"sha256", "sha256('script 1')"},
      {"ssh_user", "'root'"},
      {"start_bytes", Fill("0::bigint")},
      {"status", "''"},
      {"stop_reason", "'x'"},
      {"tags", "'{}'"},
      {"tail_bytes", "100"},
      {"task_id", "0"},
      {"task_ids", Of(kRunning)},
      {"time_limit_seconds", "0"},
      {"timeout", "60"},
      {"to_time", "0"},
      {"token_id", "1"},
      {"traceparent", "''"},
      {"type", "''"},
      {"version", "'1'"},
      {"wave_hold", "false"},
      {"wave_pause_seconds", "0"},
      {"waves", "'{}'"},
      {"worker", "'w1'"},
      {"workers", Fill("'w1'::text")},
  };
  return *kCommon;
}

std::vector<PlanCase> PlanCases() {
  std::vector<PlanCase> all;
  for (auto cases :
       {ClaimCases(), RolloutCases(), EventCases(), DeployCases(), ReadCases(), PruneCases()}) {
    for (PlanCase& one : cases) all.push_back(std::move(one));
  }
  return all;
}

const std::map<std::string, std::string>& ColdStatements() {
  static const auto* const kCold = new std::map<std::string, std::string>{
      {"allocate_task_ids", "no table"},
      {"begin_pruning", "no table"},
      {"claim_webhook_events", "where there are webhooks"},
      {"count_old_audit_events", "asked for by a person"},
      {"count_old_request_ids", "asked for by a person"},
      {"count_prunable", "asked for by a person"},
      {"count_rows_at_once", "no table"},
      {"count_waiting_webhook_events", "where there are webhooks"},
      {"create_schema_migrations", "at the start"},
      {"drop_webhooks", "where there are webhooks"},
      {"end_webhook_event", "where there are webhooks"},
      {"find_outgrown_tables", "of pg_class alone"},
      {"get_schema_version", "at the start"},
      {"get_session_settings", "no table"},
      {"give_up_unclaimed_webhook_events", "where there are webhooks"},
      {"has_payload_work", "with each change of become"},
      {"has_schema_migrations", "at the start"},
      {"have_webhooks", "where there are webhooks"},
      {"insert_instance", "with each instance"},
      {"insert_schema_migration", "at the start"},
      {"insert_token", "with each token"},
      {"list_live_machines", "at the start"},
      {"lock_address", "no table"},
      {"lock_capacity", "no table"},
      {"lock_migrations", "no table"},
      {"lock_quota", "no table"},
      {"lock_tokens", "with the first token"},
      {"mark_instance_failed", "with each instance"},
      {"may_prune_audit", "no table"},
      {"next_webhook_event", "where there are webhooks"},
      {"notify", "no table"},
      {"find_other_listeners", "no table"},
      {"postpone_webhook_event", "where there are webhooks"},
      {"revoke_token", "with each token"},
  };
  return *kCold;
}

}  // namespace longshore::storage
