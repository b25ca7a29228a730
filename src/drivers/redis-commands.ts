import { createClient, createCluster } from 'redis';
import { z } from 'zod';
import { duration, parseOptions, runtimeFrom, SpillwayError, type Clock, type Runtime } from '../kernel/index.ts';
import { ClosableSockets } from './closable-sockets.ts';

export const redisCommandsOptions = z.strictObject({
  url: z.union([z.string(), z.array(z.string()).min(1)]).describe('One Redis, or the nodes of a Redis Cluster.'),
  timeout: duration({ min: '10ms' }).prefault('2s').describe('How long a reply is waited for, the connection included.'),
  maxPending: z.int().min(1).default(1000).describe('Commands waiting for Redis at most; more are refused at once.'),
});

export type RedisCommandsOptions = z.input<typeof redisCommandsOptions>;

/** Single commands to one Redis or a Redis Cluster, for what needs no more than that. */
export interface RedisCommands {
  /**
   * Sends a command whose first argument is its key.
   * @throws SpillwayError SPILLWAY_STORE_UNAVAILABLE when there is no reply in time.
   */
  send(command: readonly string[]): Promise<unknown>;
  close(): void;
}

/**
 * Connects by itself and goes on trying for as long as it is open; meanwhile commands wait, each until its timeout.
 * @throws ConfigError when options are wrong.
 */
export function createRedisCommands(options: RedisCommandsOptions, runtime: Partial<Runtime> = {}): RedisCommands {
  const { url, timeout, maxPending } = parseOptions(redisCommandsOptions, options, 'createRedisCommands(options)');
  const { clock } = runtimeFrom(runtime);
  const connection = connect(url, maxPending);
  return {
    send: (command) => within(timeout, connection.send(command), clock),
    close: () => connection.destroy(),
  };
}

interface Connection {
  send(command: readonly string[]): Promise<unknown>;
  destroy(): void;
}

const SOCKET = { connectTimeout: 2000, reconnectStrategy: (attempt: number) => Math.min(1000, 50 * 2 ** Math.min(attempt, 6)) };
/** How long a node is away before the others are asked who has taken over; by itself node-redis asks after five seconds. */
const TOPOLOGY_REFRESH_MS = 200;

function connect(url: string | readonly string[], commandsQueueMaxLength: number): Connection {
  // Every failing command rejects; the event only keeps node-redis from throwing.
  const ignore = (): void => {};
  if (typeof url === 'string') {
    const client = createClient({ url, socket: SOCKET, commandsQueueMaxLength });
    client.on('error', ignore);
    client.connect().catch(ignore);
    return { send: (command) => client.sendCommand([...command]), destroy: () => client.destroy() };
  }
  const sockets = new ClosableSockets(SOCKET);
  const cluster = createCluster({
    rootNodes: url.map((node) => ({ url: node })),
    defaults: { socket: sockets.options, commandsQueueMaxLength },
    topologyRefreshOnReconnectionAttemptStrategy: TOPOLOGY_REFRESH_MS,
  });
  cluster.on('error', ignore).on('node-error', ignore);
  const connected = cluster.connect();
  connected.catch(ignore);
  return {
    send: async (command) => {
      await connected;
      return cluster.sendCommand(command[1], false, [...command]);
    },
    destroy: () => {
      cluster.destroy();
      sockets.close();
    },
  };
}

async function within(timeoutMs: number, reply: Promise<unknown>, clock: Clock): Promise<unknown> {
  const late = Promise.withResolvers<never>();
  const timer = clock.setTimer(
    () => late.reject(new SpillwayError('SPILLWAY_STORE_UNAVAILABLE', `Redis did not answer within ${timeoutMs} ms.`)),
    timeoutMs,
  );
  try {
    return await Promise.race([reply, late.promise]);
  } finally {
    timer.cancel();
  }
}
