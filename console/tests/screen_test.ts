import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Screen } from '../src/terminal/screen.ts';

const encoder = new TextEncoder();

function shown(...pieces: (string | Uint8Array)[]): Screen {
  const screen = new Screen();
  for (const piece of pieces) screen.write(typeof piece === 'string' ? encoder.encode(piece) : piece, 1);
  screen.end();
  return screen;
}

function textOf(screen: Screen): string[] {
  return screen.lines.map((_, row) => screen.textOf(row));
}

test('lines end with a line feed, and the last one may not', () => {
  assert.deepEqual(textOf(shown('one\n\nthree')), ['one', '', 'three']);
  assert.deepEqual(textOf(shown('one\r\ntwo\r\n')), ['one', 'two']);
  assert.deepEqual(textOf(shown('')), []);
});

test('colours are kept over lines, until they are reset', () => {
  const { lines } = shown('\u001b[1;31mred\nstill\u001b[0m plain');
  assert.deepEqual(lines[0]?.spans, [{ text: 'red', classes: 'fg1 bold' }]);
  assert.deepEqual(lines[1]?.spans, [
    { text: 'still', classes: 'fg1 bold' },
    { text: ' plain', classes: '' },
  ]);
});

test('colours of 256 and of 16 million become the nearest of 16', () => {
  assert.equal(shown('\u001b[38;5;196mx').lines[0]?.spans[0]?.classes, 'fg9');
  assert.equal(shown('\u001b[48;2;0;0;255mx').lines[0]?.spans[0]?.classes, 'bg12');
  assert.equal(shown('\u001b[38;5;999;32mx').lines[0]?.spans[0]?.classes, 'fg2');
});

test('an escape in two pieces is one', () => {
  const whole = '\u001b[32mgreen\u001b[0m \u00e9';
  const data = encoder.encode(whole);
  for (let cut = 1; cut < data.length; cut++) {
    assert.deepEqual(shown(data.slice(0, cut), data.slice(cut)).lines, shown(whole).lines, `cut at ${cut}`);
  }
});

test('every other escape and control character is text', () => {
  assert.deepEqual(textOf(shown('a\u001b[2Jb')), ['a\u241b[2Jb']);
  assert.deepEqual(textOf(shown('\u001b]0;title\u0007')), ['\u241b]0;title\u2407']);
  assert.deepEqual(textOf(shown('\u001b]8;;https://evil.example\u001b\\click\u001b]8;;\u001b\\')), [
    '\u241b]8;;https://evil.example\u241b\\click\u241b]8;;\u241b\\',
  ]);
  assert.deepEqual(textOf(shown('x\u001b[8mhidden\u001b[0m')), ['xhidden']);
  assert.deepEqual(textOf(shown('\b\u007f\u0000\u009b2J')), ['\u2408\u2421\u2400<U+009B>2J']);
  assert.deepEqual(textOf(shown('safe\u202egnp.exe')), ['safe<U+202E>gnp.exe']);
  assert.deepEqual(textOf(shown('end\u001b')), ['end\u241b']);
  assert.deepEqual(textOf(shown('end\u001b[31')), ['end\u241b[31']);
});

test('what overwrites a line stands below it', () => {
  assert.deepEqual(textOf(shown('rm -rf /\rls      ')), ['rm -rf /', 'ls      ']);
  assert.deepEqual(textOf(shown('10%\r', '20%\r', '100%\n')), ['10%', '20%', '100%']);
});

test('tabs go to the next eighth column', () => {
  assert.deepEqual(textOf(shown('a\tb', '\tc')), ['a       b       c']);
});

test('long lines go on in further rows', () => {
  const screen = shown('x'.repeat(4500) + '\ny');
  assert.deepEqual(
    screen.lines.map((line) => line.isContinued),
    [false, true, true, false],
  );
  assert.equal(textOf(screen).join(''), 'x'.repeat(4500) + 'y');
});

test('bytes that are no UTF-8 are replaced, and a character in two pieces is not', () => {
  assert.deepEqual(textOf(shown(Uint8Array.of(0x41, 0xff, 0x42))), ['A\ufffdB']);
  assert.deepEqual(textOf(shown(Uint8Array.of(0xe2, 0x82), Uint8Array.of(0xac))), ['\u20ac']);
});

test('a row has only so many colours, and goes on in the next', () => {
  const screen = shown(Array.from({ length: 1000 }, (_, at) => `\u001b[3${at % 2 ? 1 : 2}mx`).join(''));
  assert.deepEqual(
    screen.lines.map((line) => line.spans.length),
    [200, 200, 200, 200, 200],
  );
  assert.equal(textOf(screen).join(''), 'x'.repeat(1000));
});

test('an output without end keeps its beginning and its end', () => {
  const screen = shown();
  for (let at = 0; at < 250_000; at += 1000) {
    screen.write(encoder.encode(Array.from({ length: 1000 }, (_, more) => `${at + more}\n`).join('')), 1);
  }
  assert.ok(screen.lines.length <= 100_001);
  assert.deepEqual([screen.textOf(0), screen.textOf(19_999)], ['0', '19999']);
  assert.equal(screen.textOf(screen.lines.length - 1), '249999');
  const kept = screen.lines.length - 1;
  assert.match(screen.textOf(20_000), new RegExp(`^… ${(250_000 - kept).toLocaleString()} lines are left out`));
  assert.equal(screen.textOf(20_001), String(250_000 - kept + 20_000));
});

test('a megabyte of escapes costs no more than a megabyte of text', () => {
  const screen = shown('\u001b[1m'.repeat(250_000) + 'x');
  assert.deepEqual(
    screen.lines.map((line) => line.spans),
    [[{ text: 'x', classes: 'bold' }]],
  );
  assert.equal(shown('\u001b['.repeat(500_000)).lines.length, Math.ceil(1_000_000 / 2000));
});
