import { z } from 'zod';
import { count, duration, share, size } from '../kernel/index.ts';
import { workersSection } from '../policy/index.ts';

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
        execArgv: z
          .array(z.string())
          .optional()
          .describe("Node's own flags, such as --max-old-space-size; absent: those of this process."),
        env: z.record(z.string(), z.string()).default({}).describe('Environment variables beside those of this process.'),
      })
      .describe('What a worker runs.'),
    workers: workersSection
      .prefault('auto')
      .describe('How many processes serve: a number, `auto` for one per core, or bounds to move between with the load.'),
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
    maxMemory: size({ min: '32mb' })
      .optional()
      .describe('Resident memory above which a worker is replaced, without cutting a request.'),
    scaling: z
      .strictObject({
        up: share().default(0.8).describe('Mean event-loop utilisation above which a worker is added.'),
        upAfter: duration({ min: '100ms' }).prefault('5s').describe('For how long it must be above.'),
        down: share().default(0.3).describe('Mean event-loop utilisation below which a worker is taken away.'),
        downAfter: duration({ min: '100ms' }).prefault('60s').describe('For how long it must be below.'),
      })
      .prefault({})
      .transform(({ up, upAfter, down, downAfter }) => ({ up, upAfterMs: upAfter, down, downAfterMs: downAfter }))
      .describe('When workers are added and taken away, between the bounds of `workers`.'),
    restartBackoff: z
      .strictObject({
        base: duration({ min: '1ms' }).prefault('100ms').describe('Wait before a failed worker is started again.'),
        max: duration({ min: '1ms' }).prefault('30s').describe('Longest such wait: it doubles with each failure in a row.'),
      })
      .prefault({})
      .transform(({ base, max }) => ({ baseMs: base, maxMs: max }))
      .describe('How a crash loop is slowed down.'),
    poison: z
      .strictObject({
        deaths: count(2, 100)
          .default(3)
          .describe('A request that was in flight at so many deaths of workers, and was never answered, is refused.'),
        within: duration({ min: '1s', max: '24h' })
          .prefault('10m')
          .describe('For how long a death counts, and requests are written down after one.'),
        quarantine: duration({ min: '1s', max: '24h' })
          .prefault('30s')
          .describe('How long such a request is refused at first; each further time twice as long.'),
        maxQuarantine: duration({ min: '1s', max: '31d' }).prefault('1h').describe('The longest it is refused at a time.'),
      })
      .prefault({})
      .transform(({ deaths, within, quarantine, maxQuarantine }) => ({
        deaths,
        withinMs: within,
        quarantineMs: quarantine,
        maxQuarantineMs: maxQuarantine,
      }))
      .describe('Requests that kill worker after worker, where workers tell the guard of their requests.'),
  })
  .transform(({ readyTimeout, drainTimeout, heartbeat, silentAfter, askTimeout, maxMemory, ...rest }) => ({
    ...rest,
    maxMemoryBytes: maxMemory,
    readyTimeoutMs: readyTimeout,
    drainTimeoutMs: drainTimeout,
    heartbeatMs: heartbeat,
    silentAfterMs: silentAfter,
    askTimeoutMs: askTimeout,
  }));

export type ClusterOptions = z.input<typeof clusterSchema>;
export type ClusterSettings = z.output<typeof clusterSchema>;
