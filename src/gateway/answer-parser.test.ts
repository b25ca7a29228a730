import assert from 'node:assert/strict';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { Duplex } from 'node:stream';
import { describe, test } from 'node:test';
import {
  array,
  assert as assertProperty,
  asyncProperty,
  constantFrom,
  integer,
  oneof,
  property,
  record,
  string,
} from 'fast-check';
import { AnswerError, AnswerParser } from './answer-parser.ts';

interface Seen {
  status: number;
  fields: string[];
  body: string;
  trailers: string[];
  reusable: boolean;
  interim: number[];
}

/** Parses `wire` in pieces of the given sizes, from a buffer that is used again for each; then the connection ends. */
function parse(wire: string, cuts: readonly number[] = [], toHead = false): { answers: Seen[]; midway: boolean } {
  const answers: Seen[] = [];
  const fresh = (): Seen => ({ status: 0, fields: [], body: '', trailers: [], reusable: false, interim: [] });
  let current = fresh();
  const parser = new AnswerParser({
    onInformation: (status) => void current.interim.push(status),
    onHead: (status, fields) => Object.assign(current, { status, fields }),
    onBody: (bytes, start, end) => void (current.body += bytes.toString('latin1', start, end)),
    onComplete: (reusable, trailers) => {
      answers.push({ ...current, reusable, trailers });
      current = fresh();
    },
    expectsNoBody: () => toHead,
  });
  const bytes = Buffer.from(wire, 'latin1');
  for (let at = 0, piece = 0; at < bytes.length; piece++) {
    const end = Math.min(bytes.length, at + Math.max(1, cuts[piece] ?? bytes.length));
    const read = Buffer.from(bytes.subarray(at, end));
    parser.push(read, read.length);
    read.fill(0);
    at = end;
  }
  parser.finish();
  return { answers, midway: parser.midway };
}

const OK = 'HTTP/1.1 200 OK\r\n';

describe('AnswerParser', () => {
  test('reads bodies by length, by chunks and to the end of the connection', () => {
    const { answers } = parse(`${OK}X-A:  b c \t\r\nContent-Length: 5\r\n\r\nhello`);
    assert.deepEqual(answers, [
      { status: 200, fields: ['x-a', 'b c', 'content-length', '5'], body: 'hello', trailers: [], reusable: true, interim: [] },
    ]);
    const chunked = `${OK}Transfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\nA\r\n, chunks!!\r\n0\r\nX-Sum: 1\r\n\r\n`;
    const [first] = parse(chunked).answers;
    assert.deepEqual([first!.body, first!.trailers, first!.reusable], ['hello, chunks!!', ['x-sum', '1'], true]);
    assert.equal(parse(`${OK}\r\nuntil the end`).answers[0]!.body, 'until the end');
    assert.equal(parse(`${OK}Transfer-Encoding: x\r\n\r\nuntil the end`).answers[0]!.body, 'until the end');
  });

  test('answers without a body end with their head', () => {
    for (const status of [204, 304]) assert.equal(parse(`HTTP/1.1 ${status} X\r\nContent-Length: 9\r\n\r\n`).answers.length, 1);
    assert.equal(parse(`${OK}Content-Length: 9\r\n\r\n`, [], true).answers.length, 1);
    assert.equal(parse(`${OK}Content-Length: 0\r\n\r\n`).answers.length, 1);
  });

  test('reports interim answers before the final one', () => {
    const wire = `HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n${OK}Content-Length: 2\r\n\r\nok`;
    assert.deepEqual(parse(wire).answers[0]!.interim, [103, 100]);
  });

  test('knows whether the connection may be used again', () => {
    const reusable = (head: string): boolean => parse(`${head}Content-Length: 0\r\n\r\n`).answers[0]!.reusable;
    assert.equal(reusable(OK), true);
    assert.equal(reusable(`${OK}Connection: close\r\n`), false);
    assert.equal(reusable(`${OK}Connection: foo, Close\r\n`), false);
    assert.equal(reusable('HTTP/1.0 200 OK\r\n'), false);
    assert.equal(reusable('HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n'), true);
  });

  test('refuses what could be read in another way', () => {
    for (const wire of [
      'HTTP/2 200 OK\r\n\r\n',
      'HTTP/1.1 20 OK\r\n\r\n',
      'HTTP/1.1 099 OK\r\n\r\n',
      'HTTP/1.1  200 OK\r\n\r\n',
      'HTTP/1.2 200 OK\r\n\r\n',
      'HTTP/1.1 200 O\0K\r\n\r\n',
      '\r\nHTTP/1.1 200 OK\r\n\r\n',
      'HTTP/1.1 200 OK\n\n\r\n\r\n',
      `${OK}Name : value\r\n\r\n`,
      `${OK} Name: value\r\n\r\n`,
      `${OK}: nameless\r\n\r\n`,
      `${OK}A: b\r\n folded\r\n\r\n`,
      `${OK}A: b\rc\r\n\r\n`,
      `${OK}A: b\nContent-Length: 0\r\n\r\n`,
      `${OK}A: b\0c\r\n\r\n`,
      `${OK}Content-Length: 5, 6\r\n\r\n`,
      `${OK}Content-Length: +5\r\n\r\n`,
      `${OK}Content-Length: 0x5\r\n\r\n`,
      `${OK}Content-Length:\r\n\r\n`,
      `${OK}Content-Length: 5\r\nContent-Length: 5\r\n\r\n`,
      `${OK}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n`,
      `${OK}Transfer-Encoding: gzip, chunked\r\n\r\n`,
      `${OK}Transfer-Encoding: chunked\t\r\n\r\n`,
      `${OK}Transfer-Encoding: chunked, identity\r\n\r\n`,
      `${OK}Transfer-Encoding:\r\n\r\n`,
      `${OK}Transfer-Encoding: identity\r\nContent-Length: 1\r\n\r\n`,
      `${OK}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n`,
      'HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n',
      `${OK}Transfer-Encoding: chunked\r\n\r\nxyz\r\n`,
      `${OK}Transfer-Encoding: chunked\r\n\r\n\r\n`,
      `${OK}Transfer-Encoding: chunked\r\n\r\n5 5\r\n`,
      `${OK}Transfer-Encoding: chunked\r\n\r\n5;\n\r\n`,
      `${OK}Transfer-Encoding: chunked\r\n\r\nfffffffffffff\r\n`,
      `${OK}Transfer-Encoding: chunked\r\n\r\n5\r\nhelloXX`,
      `${OK}Transfer-Encoding: chunked\r\n\r\n0\r\nno field\r\n\r\n`,
      `${OK}Transfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 3\r\n\r\n`,
      'HTTP/1.1 101 Switching Protocols\r\n\r\n',
      'HTTP/1.0 103 Early Hints\r\n\r\n',
      `${OK}A: ${'b'.repeat(70_000)}`,
      `${OK}Transfer-Encoding: chunked\r\n\r\n${'0'.repeat(5000)}`,
    ]) {
      assert.throws(() => parse(wire), AnswerError, JSON.stringify(wire.slice(0, 80)));
      assert.throws(() => parse(wire, Array<number>(wire.length).fill(1)), AnswerError, `byte by byte: ${wire.slice(0, 80)}`);
    }
  });

  test('an answer that broke off is known to be midway', () => {
    assert.equal(parse(`${OK}Content-Length: 5\r\n\r\nhel`).midway, true);
    assert.equal(parse('HTTP/1.1 2').midway, true);
    assert.equal(parse(`${OK}Transfer-Encoding: chunked\r\n\r\n0\r\n`).midway, true);
    assert.equal(parse(`${OK}Content-Length: 0\r\n\r\n`).midway, false);
  });
});

const text = string({ maxLength: 40, unit: constantFrom('a', '\r', '\n', '0', ':', '\xff') });
const field = constantFrom(
  'X-A: 1\r\n',
  'Vary: a\r\nVary: b\r\n',
  'Set-Cookie: a=b; c\r\n',
  'Connection: close\r\n',
  'Empty:\r\n',
  'Date: now\r\n',
);
const fields = array(field, { maxLength: 4 }).map((lines) => lines.join(''));
const body = oneof(
  text.map((one) => ({ wire: `Content-Length: ${one.length}\r\n\r\n${one}`, body: one })),
  record({
    parts: array(
      text.filter((one) => one !== ''),
      { maxLength: 4 },
    ),
    trailer: constantFrom('', 'X-T: 1\r\n'),
  }).map(({ parts, trailer }) => ({
    wire: `Transfer-Encoding: chunked\r\n\r\n${parts.map((part) => `${part.length.toString(16)}\r\n${part}\r\n`).join('')}0\r\n${trailer}\r\n`,
    body: parts.join(''),
  })),
);
const interim = constantFrom('', '', 'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n', 'HTTP/1.1 100 Continue\r\n\r\n');
const answer = record({ interim, fields, body }).map((one) => ({
  wire: `${one.interim}${OK}${one.fields}${one.body.wire}`,
  body: one.body.body,
}));
const cuts = array(integer({ min: 1, max: 30 }));

test('property: however the bytes are cut, the answers are the same', () => {
  assertProperty(
    property(array(answer, { minLength: 1, maxLength: 4 }), cuts, (sent, sizes) => {
      const wire = sent.map((one) => one.wire).join('');
      const { answers, midway } = parse(wire, sizes);
      assert.deepEqual(
        answers.map((one) => one.body),
        sent.map((one) => one.body),
      );
      assert.deepEqual(answers, parse(wire).answers);
      assert.equal(midway, false);
    }),
    { numRuns: 500 },
  );
});

interface Verdict {
  readonly status: number;
  readonly fields: string[];
  readonly body: string;
}

/** What Node's own parser makes of the bytes; undefined when it refuses them, or the answer is not whole. */
async function llhttp(wire: string, toHead: boolean): Promise<Verdict | undefined> {
  const socket = new Duplex({ read: () => {}, write: (_chunk, _encoding, done) => done() });
  const request = httpRequest({ createConnection: () => socket as never, method: toHead ? 'HEAD' : 'GET', host: 'a' });
  try {
    request.end();
    const response = new Promise<IncomingMessage>((resolve, reject) => {
      request.once('response', resolve);
      request.once('error', reject);
      request.once('upgrade', () => reject(new Error('upgraded')));
      socket.once('close', () => reject(new Error('closed')));
    });
    socket.push(Buffer.from(wire, 'latin1'));
    socket.push(null);
    const message = await response;
    const chunks: Buffer[] = [];
    for await (const chunk of message) chunks.push(chunk as Buffer);
    if (!message.complete) return undefined;
    const rawHeaders = message.rawHeaders.map((one, at) => (at % 2 === 0 ? one.toLowerCase() : one));
    return { status: message.statusCode!, fields: rawHeaders, body: Buffer.concat(chunks).toString('latin1') };
  } catch {
    return undefined;
  } finally {
    request.on('error', () => {});
    request.destroy();
  }
}

test("property: what is understood of changed bytes, Node's parser understands in the same way", async () => {
  const edit = record({
    at: integer({ min: 0, max: 400 }),
    kind: constantFrom('insert', 'delete', 'replace'),
    text: oneof(
      constantFrom('\r', '\n', '\r\n', ' ', '\t', ':', ';', '\0', '0', ',', '\r\n\r\n', '\x80'),
      constantFrom('Content-Length: 3\r\n', 'Transfer-Encoding: chunked\r\n', 'transfer-encoding: x\r\n', ' folded\r\n'),
      integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)),
    ),
  });
  let understood = 0;
  await assertProperty(
    asyncProperty(
      answer,
      array(edit, { maxLength: 3 }),
      cuts,
      constantFrom(false, false, true),
      async (sent, edits, sizes, toHead) => {
        let wire = sent.wire;
        for (const { at, kind, text: put } of edits) {
          const place = at % (wire.length + 1);
          wire = wire.slice(0, place) + (kind === 'delete' ? '' : put) + wire.slice(kind === 'insert' ? place : place + 1);
        }
        let ours: Seen | undefined;
        try {
          const { answers, midway } = parse(wire, sizes, toHead);
          // What follows the answer nobody asked for: the connection is closed on it.
          if (answers.length !== 1 || midway) return;
          [ours] = answers;
        } catch (error) {
          assert.ok(error instanceof AnswerError, String(error));
          return;
        }
        understood++;
        const theirs = await llhttp(wire, toHead);
        assert.deepEqual({ status: ours!.status, fields: ours!.fields, body: ours!.body }, theirs, JSON.stringify(wire));
      },
    ),
    { numRuns: Number(process.env['ROUNDS'] ?? 1500) },
  );
  assert.ok(understood > 300, `${understood} were understood`);
});
