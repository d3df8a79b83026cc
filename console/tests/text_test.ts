import assert from 'node:assert/strict';
import { test } from 'node:test';

import { bytes, duration, fromBase64, toBase64, visible } from '../src/text.ts';
import { missing, requestOf, EMPTY_DRAFT, sha256 } from '../src/deploy_request.ts';

test('foreign text hides nothing', () => {
  assert.equal(visible('a\nb\u200bc\u202ed\u{e0041}'), 'a\u240ab<U+200B>c<U+202E>d<U+E0041>');
  assert.equal(visible('<script>alert(1)</script> \u00e9 \u6f22'), '<script>alert(1)</script> \u00e9 \u6f22');
});

test('figures are written for people', () => {
  assert.equal(duration(950), '950 ms');
  assert.equal(duration(61_000), '1 min 1 s');
  assert.equal(duration(90_061_000), '1 d 1 h');
  assert.equal(bytes(1), '1 byte');
  assert.equal(bytes(2_097_152), '2.0 MiB');
});

test('base64 goes both ways', () => {
  const data = Uint8Array.from({ length: 100_000 }, (_, index) => (index * 7) % 256);
  assert.deepEqual(fromBase64(toBase64(data)), data);
});

test('a request has what was typed, and nothing else', () => {
  const draft = { ...EMPTY_DRAFT, text: 'echo \u00e9', tags: ['web'] };
  assert.deepEqual(requestOf(draft, 'id'), {
    execute_payload: true,
    request_id: 'id',
    payload_content: 'ZWNobyDDqQ==',
    selector: { project: '', tags: ['web'] },
  });
  assert.deepEqual(requestOf({ ...draft, source: 'path', path: '/srv/x', ids: [2, 1], timeout: '9', maxErrors: '3' }, 'id'), {
    execute_payload: true,
    request_id: 'id',
    payload_path: '/srv/x',
    instance_ids: [2, 1],
    timeout: 9,
    rollout: { max_errors: 3 },
  });
});

test('a rollout in numbers, shares and waves', () => {
  const draft = { ...EMPTY_DRAFT, text: 'x', tags: ['web'] };
  assert.deepEqual(requestOf({ ...draft, maxConcurrency: '20%', maxErrors: ' 3 ', waves: '1, 5%' }, 'id').rollout, {
    max_concurrency_percent: 20,
    max_errors: 3,
    waves: [{ count: 1 }, { percent: 5 }],
  });
  const timed = { ...draft, waves: '1', between: 'time', pause: '60' } as const;
  assert.deepEqual(requestOf(timed, 'id').rollout, { waves: [{ count: 1 }], pause: { seconds: 60 } });
  assert.deepEqual(requestOf({ ...timed, between: 'resume' }, 'id').rollout?.pause, { until_resumed: true });
  assert.equal(requestOf({ ...timed, waves: '' }, 'id').rollout, undefined);
  for (const wrong of ['ten', '-1', '5 %%', '1.5', '0', '0%'])
    assert.match(missing({ ...draft, waves: `1, ${wrong}` }), /is no number/);
  assert.equal(missing({ ...draft, maxErrors: '5 %' }), '');
});

test('what is missing is named', () => {
  assert.match(missing(EMPTY_DRAFT), /script/);
  assert.match(missing({ ...EMPTY_DRAFT, text: 'x' }), /targets/);
  assert.equal(missing({ ...EMPTY_DRAFT, text: 'x', ids: [1] }), '');
  assert.match(missing({ ...EMPTY_DRAFT, source: 'file', ids: [1] }), /script/);
});

test('the hash is that of sha256sum', async () => {
  assert.equal(await sha256(new TextEncoder().encode('abc')), 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
});
