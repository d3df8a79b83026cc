// The messages of the public API as HTTP gives them (docs/http.md), as far as this console reads them. Absent optional fields are
// left out; tests/console checks these names against /api/openapi.json.

export type PayloadStatus = 'pending' | 'transferred' | 'executing' | 'completed' | 'failed' | 'cancelled';
export type InstanceStatus = 'pending' | 'created' | 'provisioning' | 'ready' | 'failed' | 'terminated';
export type TaskStatus = 'pending' | 'running' | 'completed' | 'failed' | 'cancelled';
export type RolloutState = 'rolling' | 'waiting' | 'checking' | 'paused' | 'stopped' | 'done';
export type Role = 'viewer' | 'operator' | 'admin';

export interface Instance {
  id: number;
  name: string;
  project: string;
  provider: string;
  region: string;
  size: string;
  image: string;
  address: string;
  port: number;
  ssh_user: string;
  host_key: string;
  tags: string[];
  pool: string;
  become: boolean;
  jump: { address: string; port: number; ssh_user: string }[];
  status: InstanceStatus;
  status_error: string;
  payload_status?: string;
  payload_error: string;
  created_at: string;
  updated_at: string;
}

export interface Payload {
  id: number;
  deployment_id: number;
  instance_id: number;
  remote_path: string;
  status: PayloadStatus;
  execution_time?: string;
  executed: boolean;
  exit_code?: number;
  error: string;
  failure_reason?: string;
  output_bytes: number;
  output_truncated: boolean;
  task_id: number;
  timeout: number;
  script_sha256: string;
  script_bytes: number;
  attempt: number;
  created_at: string;
  transferred_at?: string;
  started_at?: string;
  finished_at?: string;
  updated_at: string;
}

export interface PayloadOutput {
  offset: number;
  data: string; // base64
  attempt: number;
}

export type PayloadCounts = Record<'total' | PayloadStatus, number>;

export interface Selector {
  project: string;
  tags: string[];
}

export interface Rollout {
  max_concurrency: number;
  max_errors: number;
  max_concurrency_percent: number;
  max_errors_percent: number;
  waves: { count?: number; percent?: number }[];
  pause: { seconds?: number; until_resumed?: boolean; check_script_sha256?: string };
}

export interface DeployRequest {
  instance_ids?: number[];
  selector?: Partial<Selector>;
  payload_path?: string;
  payload_content?: string; // base64
  remote_path?: string;
  execute_payload?: boolean;
  timeout?: number;
  rollout?: Partial<Rollout>;
  request_id?: string;
  validate_only?: boolean;
}

export interface DeployResponse {
  success: boolean;
  payload_ids: number[];
  errors: string[];
  deployment_id: number;
  instance_errors: { instance_id: number; code: number; message: string }[];
}

export interface Deployment {
  id: number;
  request?: DeployRequest;
  script_sha256: string;
  script_bytes: number;
  counts: PayloadCounts;
  stop_reason: string;
  rollout_state: RolloutState;
  wave: number;
  wave_count: number;
  next_wave_at?: string;
  check_deployment_id: number;
  created_at: string;
}

export interface Task {
  id: number;
  type: string;
  status: TaskStatus;
  attempt: number;
  run_at?: string;
  depends_on: number;
  payload_id: number;
  instance_id: number;
  worker: string;
  error: string;
  claimed_at?: string;
  created_at: string;
  updated_at: string;
}

export interface Worker {
  name: string;
  version: string;
  pool: string;
  connected_at: string;
  seen_at: string;
  running: number;
  capacity: number;
}

export interface Token {
  id: number;
  name: string;
  role: Role;
  projects: string[];
  created_at: string;
  expires_at?: string;
  revoked_at?: string;
  last_used_at?: string;
}

export interface AuditEvent {
  id: number;
  time: string;
  principal: string;
  token_id: number;
  peer: string;
  method: string;
  project: string;
  ids: number[];
  script_sha256: string;
  code: string;
  reason: string;
  request_id: string;
}

export const TERMINAL: readonly PayloadStatus[] = ['completed', 'failed', 'cancelled'];

export const PAYLOAD_STATUSES: readonly PayloadStatus[] = [
  'pending',
  'transferred',
  'executing',
  'completed',
  'failed',
  'cancelled',
];
