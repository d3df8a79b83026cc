// HTTP clients in JavaScript that know nothing of Longshore: a JSON-RPC library, and a client made of the OpenAPI document.
// Usage: node http_client.js URL INSTANCE_ID, with the token in $LONGSHORE_TOKEN and the CA in $NODE_EXTRA_CA_CERTS.
//
// Each runs a script on the instance; what they saw is printed as JSON.
'use strict';

const {JSONRPCClient} = require('json-rpc-2.0');
const {OpenAPIClientAxios} = require('openapi-client-axios');

const [url, instance] = process.argv.slice(2);
const headers = {'Authorization': `Bearer ${process.env.LONGSHORE_TOKEN}`, 'Content-Type': 'application/json'};
const script = Buffer.from('echo hello; exit 3\n').toString('base64');
const ENDED = ['completed', 'failed', 'cancelled'];

/** Asks by `look` until the payload has ended. */
async function ended(look) {
  for (;;) {
    const payload = await look();
    if (ENDED.includes(payload.status)) {
      return payload;
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

async function byJsonRpc() {
  const client = new JSONRPCClient(async (request) => {
    const response = await fetch(`${url}/rpc`, {method: 'POST', headers, body: JSON.stringify(request)});
    if (response.status === 200) {
      client.receive(await response.json());
    } else if (response.status !== 204) {
      throw new Error(`HTTP status ${response.status}`);
    }
  });
  const deployed = await client.request(
      'deploy_payload', {instance_ids: [Number(instance)], payload_content: script, execute_payload: true});
  const payload = await ended(() => client.request('get_payload_status', {payload_id: deployed.payload_ids[0]}));
  const batch = await client.requestAdvanced([
    {jsonrpc: '2.0', id: 'a', method: 'list_workers', params: {}}, {jsonrpc: '2.0', id: 'b', method: 'no_such', params: {}}]);
  client.notify('list_tasks', {});
  let error = null;
  try {
    await client.request('get_payload_status', {payload_id: 10 ** 15});
  } catch (refusal) {
    error = {code: refusal.code, reason: refusal.data.reason};
  }
  return {status: payload.status, output: payload.output, error,
          batch: batch.map((answer) => [answer.id, answer.error ? answer.error.code : answer.result.workers.length])};
}

async function byOpenApi() {
  const document = await (await fetch(`${url}/api/openapi.json`)).json();
  document.servers = [{url}];
  const api = new OpenAPIClientAxios({definition: document, axiosConfigDefaults: {headers}});
  const client = await api.init();
  const deployed = await client.DeployPayload(
      null, {instance_ids: [Number(instance)], payload_content: script, execute_payload: true});
  const payload_id = deployed.data.payload_ids[0];
  const payload = await ended(async () => (await client.GetPayloadStatus({payload_id})).data);
  const listed = await client.ListPayloads({deployment_id: deployed.data.deployment_id, status: 'failed'});
  const output = await client.ReadPayloadOutput({payload_id}, null, {responseType: 'text'});
  let error = null;
  try {
    await client.GetPayloadStatus({payload_id: 10 ** 15});
  } catch (refusal) {
    error = {code: refusal.response.status, reason: refusal.response.data.error.reason};
  }
  return {status: payload.status, output: output.data, error, listed: listed.data.payloads.map((one) => one.id === payload_id)};
}

async function main() {
  console.log(JSON.stringify({json_rpc: await byJsonRpc(), openapi: await byOpenApi()}));
}

main();
