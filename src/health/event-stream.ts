import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Health } from './health.ts';
import type { StreamMessage } from './overview.ts';

/** Past this a reader is too slow to follow: it misses moments rather than fill memory. */
const MAX_UNSENT_BYTES = 262_144;

/** The dashboards' one stream of server-sent events: each second the overview, with what changed since the last. */
export class EventStreams {
  readonly #health: Health;
  readonly #maxStreams: number;
  readonly #streams = new Map<ServerResponse, number>();
  readonly #off: () => void;

  constructor(health: Health, maxStreams: number) {
    this.#health = health;
    this.#maxStreams = maxStreams;
    this.#off = health.events.on('overview', () => this.#sendAll());
  }

  get full(): boolean {
    return this.#streams.size >= this.#maxStreams;
  }

  open(request: IncomingMessage, response: ServerResponse): void {
    response.writeHead(200, {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
    });
    const lastSeen = Number(request.headers['last-event-id'] ?? 0) || 0;
    this.#streams.set(response, lastSeen);
    response.once('close', () => this.#streams.delete(response));
    response.write('retry: 1000\n\n');
    this.#send(response, lastSeen);
  }

  close(): void {
    this.#off();
    for (const response of this.#streams.keys()) response.end();
    this.#streams.clear();
  }

  /** Signals of the service as a whole; those of single classes and upstreams are asked for as history. */
  #point(): Record<string, number> {
    const { values } = this.#health.history.row(0, this.#health.overview().atMs);
    return Object.fromEntries([...values].filter(([signal]) => !/^(?:class|upstream)\./.test(signal)));
  }

  #sendAll(): void {
    for (const [response, lastSeen] of this.#streams) this.#send(response, lastSeen);
  }

  #send(response: ServerResponse, lastSeen: number): void {
    if (response.writableLength > MAX_UNSENT_BYTES) return;
    const message: StreamMessage = {
      overview: this.#health.overview(),
      point: this.#point(),
      changes: this.#health.timeline.since(lastSeen),
    };
    const newest = message.changes.at(-1)?.id ?? lastSeen;
    this.#streams.set(response, newest);
    response.write(`id: ${newest}\nevent: moment\ndata: ${JSON.stringify(message, shortNumbers)}\n\n`);
  }
}

/** Five digits are more than a screen shows, and half the bytes. Whole numbers (times, ids) stay exact. */
export function shortNumbers(_key: string, value: unknown): unknown {
  return typeof value === 'number' && !Number.isInteger(value) ? Number(value.toPrecision(5)) : value;
}
