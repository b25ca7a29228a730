import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ProtocolError, ResponseParser } from './response-parser.ts';

interface Seen {
  status: number;
  body: string;
  reusable: boolean;
}

/** Parses `wire` in pieces of the given sizes; what came out, and whether the close at the end completed an answer. */
function parse(wire: string, cuts: readonly number[] = [], head = false): { answers: Seen[]; midway: boolean } {
  const answers: Seen[] = [];
  let current: Seen = { status: 0, body: '', reusable: false };
  const parser = new ResponseParser({
    onHead: (status) => void (current = { status, body: '', reusable: false }),
    onBody: (bytes, start, end) => void (current.body += bytes.toString('latin1', start, end)),
    onComplete: (reusable) => void answers.push({ ...current, reusable }),
    expectsNoBody: () => head,
  });
  const bytes = Buffer.from(wire, 'latin1');
  let at = 0;
  for (const cut of [...cuts, bytes.length]) {
    const end = Math.min(bytes.length, at + Math.max(1, cut));
    // The buffer is used again for every read, so anything kept by reference would be overwritten.
    const piece = Buffer.from(bytes.subarray(at, end));
    parser.push(piece, piece.length);
    piece.fill(0);
    at = end;
  }
  parser.finish();
  return { answers, midway: parser.midway };
}

const OK = 'HTTP/1.1 200 OK\r\n';

test('reads bodies by length, by chunks and to the end of the connection', () => {
  assert.deepEqual(parse(`${OK}Content-Length: 5\r\n\r\nhello`).answers, [{ status: 200, body: 'hello', reusable: true }]);
  const chunked = `${OK}Transfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\nA\r\n, chunks!!\r\n0\r\nX-Sum: 1\r\n\r\n`;
  assert.deepEqual(parse(chunked).answers, [{ status: 200, body: 'hello, chunks!!', reusable: true }]);
  assert.deepEqual(parse(`${OK}\r\nuntil the end`).answers, [{ status: 200, body: 'until the end', reusable: false }]);
});

test('answers without a body end with their head', () => {
  for (const status of [204, 304]) {
    assert.deepEqual(parse(`HTTP/1.1 ${status} X\r\nContent-Length: 9\r\n\r\n`).answers, [{ status, body: '', reusable: true }]);
  }
  assert.deepEqual(parse(`${OK}Content-Length: 9\r\n\r\n`, [], true).answers, [{ status: 200, body: '', reusable: true }]);
});

test('passes interim answers over', () => {
  const wire = `HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n${OK}Content-Length: 2\r\n\r\nok`;
  assert.deepEqual(parse(wire).answers, [{ status: 200, body: 'ok', reusable: true }]);
});

test('knows whether the connection may be used again', () => {
  const reusable = (head: string): boolean => parse(`${head}Content-Length: 0\r\n\r\n`).answers[0]!.reusable;
  assert.equal(reusable(OK), true);
  assert.equal(reusable(`${OK}Connection: close\r\n`), false);
  assert.equal(reusable(`${OK}Connection: foo, Close\r\n`), false);
  assert.equal(reusable('HTTP/1.0 200 OK\r\n'), false);
  assert.equal(reusable('HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n'), true);
});

test('refuses what is not HTTP/1.1', () => {
  for (const wire of [
    'HTTP/2 200 OK\r\n\r\n',
    'HTTP/1.1 20 OK\r\n\r\n',
    'HTTP/1.1 2:0 OK\r\n\r\n',
    'HTTP/1.2 200 OK\r\n\r\n',
    'ICY 200 OK\r\n\r\n xxxxxxx',
    'HTTP/1.1 200 OK\n\n',
    `${OK}Name : value\r\n\r\n`,
    `${OK}: nameless\r\n\r\n`,
    `${OK}A: b\r\n folded\r\n\r\n`,
    `${OK}A: b\rc\r\n\r\n`,
    `${OK}A: b\0c\r\n\r\n`,
    `${OK}Content-Length: 5, 6\r\n\r\n`,
    `${OK}Content-Length: -1\r\n\r\n`,
    `${OK}Content-Length: 5\r\nContent-Length: 6\r\n\r\n`,
    `${OK}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n`,
    `${OK}Transfer-Encoding: chunked\r\n\r\nxyz\r\n`,
    `${OK}Transfer-Encoding: chunked\r\n\r\n5\r\nhelloXX`,
    'HTTP/1.1 101 Switching Protocols\r\n\r\n',
    `${OK}A: ${'b'.repeat(70_000)}`,
  ]) {
    assert.throws(() => parse(wire), ProtocolError, JSON.stringify(wire.slice(0, 60)));
  }
});

test('an answer that broke off is known to be midway', () => {
  assert.equal(parse(`${OK}Content-Length: 5\r\n\r\nhel`).midway, true);
  assert.equal(parse('HTTP/1.1 2').midway, true);
  assert.equal(parse(`${OK}Content-Length: 0\r\n\r\n`).midway, false);
});

/** Parses each of `wires` at the start of one buffer, as a socket fills it again and again. */
function parseInTurn(wires: readonly string[], wordwise: boolean): string[] {
  const seen: string[] = [];
  const buffer = Buffer.allocUnsafeSlow(4096);
  const parser = new ResponseParser(
    {
      onHead: (status, bytes, start, end) => void seen.push(`${status} ${bytes.toString('latin1', start, end)}`),
      onBody: (bytes, start, end) => void seen.push(bytes.toString('latin1', start, end)),
      onComplete: (reusable, more) => void seen.push(`${reusable} ${more}`),
      expectsNoBody: () => false,
    },
    wordwise ? buffer : undefined,
  );
  try {
    for (const wire of wires) parser.push(buffer, buffer.write(wire, 0, 'latin1'));
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    seen.push(`refused: ${error.message}`);
  }
  return seen;
}

test('property: a head like the last one but for a byte is read as if it were the first', () => {
  const head = `${OK}Server: s\r\nDate: Sat, 21 Nov 2026 00:00:00 GMT\r\nContent-Length: 3\r\nConnection: keep-alive\r\n\r\n`;
  fc.assert(
    fc.property(fc.nat(head.length - 1), fc.integer({ min: 0, max: 255 }), fc.nat(8), fc.boolean(), (at, code, pad, wordwise) => {
      const padded = head.replace('Server: s', `Server: ${'s'.repeat(pad + 1)}`);
      const other = padded.slice(0, at) + String.fromCharCode(code) + padded.slice(at + 1);
      const [first, again] = [`${padded}abc`, `${other}abc`];
      assert.deepEqual(
        parseInTurn([first, first, again, first], wordwise).slice(6, 9),
        parseInTurn([again, first], wordwise).slice(0, 3),
      );
    }),
    { numRuns: 500 },
  );
});

test('tells when bytes come after an answer', () => {
  const empty = `${OK}Content-Length: 0\r\n\r\n`;
  const lengthy = `${OK}Content-Length: 2\r\n\r\nok`;
  const chunked = `${OK}Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n`;
  for (const wire of [empty, lengthy, chunked]) {
    assert.equal(parseInTurn([wire], true).at(-1), 'true false');
    assert.ok(parseInTurn([`${wire}${lengthy}`], true).includes('true true'), wire);
  }
});

test('property: however the bytes are cut, the answers are the same', () => {
  const body = fc.string({ maxLength: 40, unit: fc.constantFrom('a', '\r', '\n', '0', ':') });
  const answer = fc.oneof(
    body.map((text) => ({ wire: `${OK}X: 1\r\nContent-Length: ${text.length}\r\n\r\n${text}`, body: text })),
    fc
      .array(
        body.filter((text) => text !== ''),
        { maxLength: 4 },
      )
      .map((parts) => ({
        wire: `${OK}Transfer-Encoding: chunked\r\n\r\n${parts.map((part) => `${part.length.toString(16)}\r\n${part}\r\n`).join('')}0\r\n\r\n`,
        body: parts.join(''),
      })),
  );
  fc.assert(
    fc.property(fc.array(answer, { minLength: 1, maxLength: 4 }), fc.array(fc.integer({ min: 1, max: 30 })), (sent, cuts) => {
      const { answers, midway } = parse(sent.map((one) => one.wire).join(''), cuts);
      assert.deepEqual(
        answers.map((one) => one.body),
        sent.map((one) => one.body),
      );
      assert.equal(midway, false);
    }),
  );
});
