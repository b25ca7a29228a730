import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Events } from './events.ts';

interface Sample {
  hit: { key: string };
  miss: { key: string };
}

test('listeners hear their own events, until they leave', () => {
  const events = new Events<Sample>();
  const heard: string[] = [];
  const off = events.on('hit', ({ key }) => heard.push(key));
  events.once('hit', ({ key }) => heard.push(`once ${key}`));
  events.emit('hit', { key: 'a' });
  events.emit('miss', { key: 'x' });
  events.emit('hit', { key: 'b' });
  off();
  events.emit('hit', { key: 'c' });
  assert.deepEqual(heard, ['a', 'once a', 'b']);
  assert.equal(events.has('hit'), false);
});

test('a listener that throws disturbs neither the emitter nor the others', () => {
  const failures: string[] = [];
  const events = new Events<Sample>((error, name) => failures.push(`${name}: ${(error as Error).message}`));
  let reached = false;
  events.on('hit', () => {
    throw new Error('boom');
  });
  events.on('hit', () => (reached = true));
  events.emit('hit', { key: 'a' });
  assert.equal(reached, true);
  assert.deepEqual(failures, ['hit: boom']);
});
