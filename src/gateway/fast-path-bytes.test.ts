import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AnswerBytes } from './fast-path-bytes.ts';

const HEAD = Buffer.from('HTTP/1.1 200 OK\r\ncontent-length: 4\r\nage: 7\r\n\r\n');
const LATER = Buffer.from('HTTP/1.1 200 OK\r\ncontent-length: 4\r\nage: 12\r\n\r\n');

test('fields stand between head and body, whatever their length', () => {
  const answer = new AnswerBytes(Buffer.from('page'));
  for (const head of [HEAD, LATER, HEAD]) {
    for (const fields of ['', 'r: 10\r\n', 'r: 9\r\n', '', `r: ${'9'.repeat(1000)}\r\n`, 'r: 8\r\n', 'r: 7\r\n']) {
      const lines = head.toString().slice(0, -2);
      assert.equal(answer.with(head, Buffer.from(fields)).toString(), `${lines}${fields}\r\npage`);
    }
  }
});

test('an answer without a body ends with its empty line', () => {
  assert.equal(
    new AnswerBytes(Buffer.alloc(0)).with(HEAD, Buffer.from('r: 1\r\n')).toString(),
    `${HEAD.toString().slice(0, -2)}r: 1\r\n\r\n`,
  );
});

test('answers of the same shape are the same memory: none is made for a request', () => {
  const answer = new AnswerBytes(Buffer.alloc(10_240));
  const first = answer.with(HEAD, Buffer.from('r: 10\r\n'));
  assert.equal(answer.with(HEAD, Buffer.from('r: 11\r\n')), first);
  const { buffer } = first;
  for (const head of [LATER, HEAD])
    for (const fields of ['r: 9\r\n', '']) assert.equal(answer.with(head, Buffer.from(fields)).buffer, buffer);
});
