#!/usr/bin/env node
import { once } from 'node:events';
import type { WriteStream } from 'node:tty';
import { runtimeFrom } from '../kernel/index.ts';
import type { CliContext, Output } from './context.ts';
import { createPaint, wantsColour } from './paint.ts';
import { runCli } from './program.ts';

const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort());
// Started with a channel, it ends with whoever started it, however that ended.
process.once('disconnect', () => stop.abort());

const context: CliContext = {
  stdout: outputTo(process.stdout),
  stderr: outputTo(process.stderr),
  env: process.env,
  cwd: process.cwd(),
  runtime: runtimeFrom(),
  fetch,
  paint: createPaint(wantsColour(process.stdout.isTTY, process.env)),
  paintError: createPaint(wantsColour(process.stderr.isTTY, process.env)),
  stop: stop.signal,
  // Every room is loaded by the one command that needs them all.
  startSpillway: async (policy, options) => (await import('../serve.ts')).startSpillway(policy, options),
  exit: 'ok',
};
process.exitCode = await runCli(process.argv.slice(2), context);

function outputTo(stream: NodeJS.WriteStream & Partial<WriteStream>): Output {
  // A reader that has seen enough, such as `head`, closes the pipe; that is no failure.
  stream.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));
  return {
    write: (text) => stream.write(text),
    drained: async () => void (stream.writableNeedDrain && (await once(stream, 'drain'))),
    isTTY: stream.isTTY === true,
    columns: stream.columns ?? 100,
  };
}
