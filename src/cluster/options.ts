import { availableParallelism } from 'node:os';
import { z } from 'zod';
import { count, duration } from '../kernel/index.ts';

const socket = z.strictObject({
  host: z.string().min(1).default('127.0.0.1').describe('Address to listen on.'),
  port: z.int().min(0).max(65_535).describe('Port to listen on; 0 takes any free one.'),
});

export const clusterSchema = z
  .strictObject({
    entry: z
      .strictObject({
        file: z.string().min(1).describe('Module each worker runs; it calls joinCluster().'),
        args: z.array(z.string()).default([]).describe('Its command-line arguments.'),
        env: z.record(z.string(), z.string()).default({}).describe('Environment variables beside those of this process.'),
      })
      .describe('What a worker runs.'),
    workers: z
      .union([count(1, 256), z.literal('auto')])
      .default('auto')
      .transform((workers) => (workers === 'auto' ? availableParallelism() : workers))
      .describe('How many processes serve; `auto`: one per core.'),
    sockets: z
      .record(z.string().min(1), socket)
      .default({})
      .describe('Listening sockets the primary owns and hands to its workers, by name.'),
    readyTimeout: duration({ min: '100ms', max: '1h' })
      .prefault('30s')
      .describe('How long a worker may take from its start until it is ready.'),
    drainTimeout: duration({ max: '1h' })
      .prefault('30s')
      .describe('How long a worker may take to finish its requests before it is ended.'),
    heartbeat: duration({ min: '10ms', max: '1m' }).prefault('1s').describe('How often a worker says that it lives.'),
    silentAfter: duration({ min: '50ms', max: '10m' })
      .prefault('5s')
      .describe('A worker not heard of for so long is stuck: it is ended and replaced.'),
    askTimeout: duration({ min: '10ms', max: '5m' })
      .prefault('2s')
      .describe('How long a worker may take to answer a question or to confirm a message.'),
    restartBackoff: z
      .strictObject({
        base: duration({ min: '1ms' }).prefault('100ms').describe('Wait before a failed worker is started again.'),
        max: duration({ min: '1ms' }).prefault('30s').describe('Longest such wait: it doubles with each failure in a row.'),
      })
      .prefault({})
      .transform(({ base, max }) => ({ baseMs: base, maxMs: max }))
      .describe('How a crash loop is slowed down.'),
  })
  .transform(({ readyTimeout, drainTimeout, heartbeat, silentAfter, askTimeout, ...rest }) => ({
    ...rest,
    readyTimeoutMs: readyTimeout,
    drainTimeoutMs: drainTimeout,
    heartbeatMs: heartbeat,
    silentAfterMs: silentAfter,
    askTimeoutMs: askTimeout,
  }));

export type ClusterOptions = z.input<typeof clusterSchema>;
export type ClusterSettings = z.output<typeof clusterSchema>;
