// A client in JavaScript, with stubs made as docs/clients.md says. Usage: node client.js API_SERVER ADDRESS PORT,
// with the token in $LONGSHORE_TOKEN and the CA's certificate in the file $LONGSHORE_CA.
//
// Registers the instance at ADDRESS:PORT, runs a script there, and prints as JSON what it saw; client.py does the same.
// @ts-check
'use strict';

const fs = require('fs');

const grpc = require('@grpc/grpc-js');
const protoLoader = require('@grpc/proto-loader');

/** @typedef {import('./gen/node/instance_service').ProtoGrpcType} Instances */
/** @typedef {import('./gen/node/payload_service').ProtoGrpcType} Payloads */
/** @typedef {import('./gen/node/longshore/v1/Payload').Payload__Output} Payload */
/** @typedef {import('./gen/node/longshore/v1/PayloadEvent').PayloadEvent__Output} PayloadEvent */

const SCRIPT = "echo begun\nprintf '\\303\\251\\377\\n' >&2\nexit 7\n";
const NOWHERE = String(2n ** 62n + 1n);

const files = ['longshore/v1/instance_service.proto', 'longshore/v1/payload_service.proto'];
const definition = protoLoader.loadSync(
    [...files, 'google/rpc/status.proto', 'google/rpc/error_details.proto'],
    {keepCase: true, longs: String, enums: String, defaults: true, oneofs: true, includeDirs: ['proto', 'googleapis']});
const {longshore} = /** @type {Instances & Payloads} */ (/** @type {unknown} */ (grpc.loadPackageDefinition(definition)));

/**
 * The answer of a call that has one.
 * @template T
 * @param {(done: grpc.requestCallback<T>) => unknown} start
 * @returns {Promise<T>}
 */
function unary(start) {
  return new Promise((resolve, reject) => {
    start((error, answer) => {
      if (error) {
        reject(error);
      } else {
        resolve(/** @type {T} */ (answer));
      }
    });
  });
}

/** @param {string} name @param {Buffer} bytes */
function decode(name, bytes) {
  return /** @type {any} */ (definition[name]).deserialize(bytes);
}

/** @param {Payload} payload */
function payloadFields(payload) {
  return {
    id: payload.id,
    instance_id: payload.instance_id,
    remote_path: payload.remote_path,
    status: payload.status,
    failure_reason: payload.failure_reason,
    executed: payload.executed,
    exit_code: payload._exit_code ? payload.exit_code : null,
    output: payload.output,
    output_bytes: payload.output_bytes,
  };
}

/** @param {grpc.ServiceError} error */
function errorFields(error) {
  const status = decode('google.rpc.Status', /** @type {Buffer} */ (error.metadata.get('grpc-status-details-bin')[0]));
  const fields = {code: grpc.status[error.code], message: error.details};
  for (const detail of status.details) {
    if (detail.type_url.endsWith('/google.rpc.ErrorInfo')) {
      const {reason, domain} = decode('google.rpc.ErrorInfo', detail.value);
      Object.assign(fields, {reason, domain});
    }
  }
  return fields;
}

/** @param {string} apiServer @param {string} address @param {string} port */
async function main(apiServer, address, port) {
  const bearer = grpc.credentials.createFromMetadataGenerator((_, done) => {
    const metadata = new grpc.Metadata();
    metadata.set('authorization', `Bearer ${process.env.LONGSHORE_TOKEN}`);
    done(null, metadata);
  });
  const ca = fs.readFileSync(/** @type {string} */ (process.env.LONGSHORE_CA));
  const credentials = grpc.credentials.combineChannelCredentials(grpc.credentials.createSsl(ca), bearer);
  const instances = new longshore.v1.InstanceService(apiServer, credentials);
  const payloads = new longshore.v1.PayloadService(apiServer, credentials);
  const instance = await unary((done) => instances.RegisterInstance(
      {name: 'node', address, port: Number(port), tags: ['b', 'a']}, done));
  const deployed = await unary((done) => payloads.DeployPayload({
    instance_ids: [instance.id],
    payload_content: Buffer.from(SCRIPT),
    remote_path: '/root/node.sh',
    execute_payload: true,
  }, done));
  const statuses = [];
  let output = Buffer.alloc(0);
  for await (const item of payloads.WatchPayload({payload_id: deployed.payload_ids[0]})) {
    const event = /** @type {PayloadEvent} */ (item);
    if (event.output) {
      if (event.output.offset !== String(output.length)) {
        throw new Error(`output at ${event.output.offset}, after ${output.length} bytes`);
      }
      output = Buffer.concat([output, event.output.data]);
    } else if (event.payload) {
      statuses.push(event.payload.status);
    }
  }
  const readBack = await unary((done) => payloads.GetPayloadStatus({payload_id: deployed.payload_ids[0]}, done));
  const error = await unary((done) => payloads.GetPayloadStatus({payload_id: NOWHERE}, done)).then(() => null, errorFields);
  instances.close();
  payloads.close();
  console.log(JSON.stringify({
    instance: {id: instance.id, status: instance.status, ssh_user: instance.ssh_user, tags: instance.tags},
    payload_ids: deployed.payload_ids,
    statuses,
    output: output.toString('hex'),
    read_back: payloadFields(readBack),
    error,
  }));
}

main(process.argv[2], process.argv[3], process.argv[4]).catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
