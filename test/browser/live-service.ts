import { Metrics, randomInt, seededRandom, systemClock, type Random } from '../../src/kernel/index.ts';
import {
  createAdmin,
  createHealth,
  measureProcess,
  type AdminActions,
  type AdminListener,
  type Health,
  type HistoryStore,
} from '../../src/health/index.ts';

/** A service that only counts: two workers under steady traffic, with an upstream that can be broken by hand. */
export interface LiveService {
  readonly health: Health;
  readonly admin: AdminListener;
  readonly url: string;
  /** What the page asked for, in order. */
  readonly performed: readonly { readonly action: string; readonly request: unknown }[];
  /** Requests counted since the start. */
  readonly counted: () => number;
  setEndpoints(up: readonly boolean[]): void;
  setFailing(share: number): void;
  /** No worker answers any more. */
  silence(): void;
  stop(): Promise<void>;
}

const CLASSES = [
  { name: 'critical', perSecond: 160, ms: 3, hit: 0.97 },
  { name: 'high', perSecond: 90, ms: 5, hit: 0.9 },
  { name: 'api', perSecond: 60, ms: 24, hit: 0 },
  { name: 'static', perSecond: 220, ms: 1, hit: 0.995 },
] as const;

const ENDPOINTS = ['http://127.0.0.1:3001', 'http://127.0.0.1:3002'];

export interface LiveServiceOptions {
  readonly token?: string;
  readonly workers?: number;
  /** What other machines of the fleet kept. */
  readonly others?: HistoryStore['others'];
  /** Nobody asks for anything. */
  readonly idle?: boolean;
  /** Begin with a quarter of an hour of history, as after a restart, so that charts have something to show. */
  readonly past?: boolean;
}

export async function startLiveService(options: LiveServiceOptions = {}): Promise<LiveService> {
  const random = seededRandom(7);
  const workers = Array.from({ length: options.workers ?? 2 }, (_, at) => countingWorker(String(at + 1), random));
  const measured = workers.map(({ metrics }) => measureProcess({ metrics }));
  let silent = false;
  const health = createHealth({
    service: { name: 'power-plans', version: '0.1.0' },
    // How busy the machine is that tests shall decide nothing here: what is broken by hand counts at once all the same.
    status: { raiseAfter: '1h' },
    sources: async () => (silent ? [] : workers.map(({ metrics }) => metrics.snapshot())),
    workers: () => workers.map(({ name }) => ({ name, state: 'running', pid: process.pid })),
    ...(options.others && { historyStore: storeWith(options.others) }),
    classObjectives: new Map([
      ['critical', 1000],
      ['high', 1500],
    ]),
  });
  if (options.past) rememberPast(health, random);
  const performed: { action: string; request: unknown }[] = [];
  const record = (action: string) => (request?: unknown) => {
    performed.push({ action, request });
    return { done: true };
  };
  const names = ['purge', 'reload', 'drainWorker', 'restartWorker', 'heapProfile', 'setShedLevel', 'drainEndpoint'] as const;
  const actions = Object.fromEntries(names.map((name) => [name, record(name)])) as Partial<AdminActions>;
  const admin = createAdmin({ port: 0, health, actions, ...(options.token === undefined ? {} : { token: options.token }) });
  const traffic = systemClock.setRepeating(() => options.idle || workers.forEach((worker) => worker.serve(0.05)), 50);
  await health.start();
  const url = await admin.start();
  return {
    health,
    admin,
    url,
    performed,
    counted: () => workers.reduce((sum, worker) => sum + worker.counted(), 0),
    setEndpoints: (up) => workers.forEach((worker) => worker.setEndpoints(up)),
    setFailing: (share) => workers.forEach((worker) => worker.setFailing(share)),
    silence: () => (silent = true),
    stop: async () => {
      traffic.cancel();
      measured.forEach((one) => one.stop());
      await health.stop();
      await admin.stop();
    },
  };
}

/** Keeps nothing of its own. */
function storeWith(others: NonNullable<HistoryStore['others']>): HistoryStore {
  return { load: () => ({ rows: [], changes: [], hours: [] }), save: () => undefined, close: () => undefined, others };
}

/** A quiet quarter of an hour with one deploy, one purge and one busy minute in it. */
function rememberPast(health: Health, random: Random): void {
  const nowMs = systemClock.now();
  const wobble = (value: number, share: number): number => value * (1 + share * (random.next() + random.next() - 1));
  for (let ago = 900; ago > 0; ago--) {
    const busy = ago < 420 && ago > 340 ? 1.6 : 1;
    const swell = (1 + 0.12 * Math.sin(ago / 90)) * busy;
    const values = new Map<string, number>([
      ['http.2xx', wobble(500 * swell, 0.05)],
      ['http.3xx', wobble(20 * swell, 0.3)],
      ['http.4xx', wobble(5, 0.6)],
      ['http.5xx', busy > 1 && ago < 400 ? wobble(12, 0.8) : 0],
      ['http.p50', wobble(2.1 * busy, 0.1)],
      ['http.p99', wobble(118 * busy ** 2, 0.12)],
      ['loop.worst', wobble(0.14 * swell, 0.15)],
      ['loop.mean', wobble(0.11 * swell, 0.1)],
      ['cpu.mean', wobble(0.12 * swell, 0.15)],
      ['memory.share', 0.04 + 0.0001 * ((900 - ago) % 300)],
    ]);
    health.history.write({ stepMs: 1000, atMs: nowMs - ago * 1000, values });
  }
  health.timeline.restore([
    { atMs: nowMs - 700_000, kind: 'deploy', text: 'power-plans 0.1.0 started', tone: 'info' },
    { atMs: nowMs - 410_000, kind: 'purge', text: 'soft purge tag plans', tone: 'info', actor: '127.0.0.1' },
  ]);
}

function countingWorker(name: string, random: Random) {
  const metrics = new Metrics(1000, name);
  const counter = (metric: string, labels: string[]) => metrics.counter({ name: metric, help: 'Counted.', labels });
  const gauge = (metric: string, labels: string[] = []) => metrics.gauge({ name: metric, help: 'Now.', labels });
  const timing = (metric: string, labels: string[]) => metrics.timing({ name: metric, unit: 'seconds', help: 'Time.', labels });
  const requests = counter('spillway_http_requests', ['class', 'status']);
  const durations = timing('spillway_http_request_duration_seconds', ['class']);
  const pages = counter('spillway_page_requests', ['class', 'result']);
  const hits = counter('spillway_cache_hits', ['cache', 'tier']);
  const misses = counter('spillway_cache_misses', ['cache', 'reason']);
  const picks = counter('spillway_balance_picks', ['upstream', 'endpoint']);
  const up = gauge('spillway_balance_up', ['upstream', 'endpoint']);
  gauge('spillway_http_in_flight').series().set(9);
  gauge('spillway_http_connections').series().set(184);
  gauge('spillway_page_regeneration_waiting').series().set(3);
  gauge('spillway_page_filling').series().set(1);
  const setEndpoints = (states: readonly boolean[]): void =>
    ENDPOINTS.forEach((endpoint, at) => up.series({ upstream: 'site', endpoint }).set(states[at] ? 1 : 0));
  setEndpoints([true, true]);
  let failing = 0;
  let count = 0;
  const answer = ({ name: className, ms, hit }: (typeof CLASSES)[number], at: number): void => {
    const failed = random.next() < failing;
    const status = failed ? '5xx' : random.next() < 0.01 ? '4xx' : random.next() < 0.04 ? '3xx' : '2xx';
    requests.series({ class: className, status }).inc();
    count++;
    const stored = random.next() < hit;
    const spent = stored ? ms * (0.4 + random.next()) : 20 + ms * 4 * random.next() ** 4 + randomInt(random, 60);
    durations.series({ class: className }).observe(spent);
    const result = hit === 0 ? 'bypass' : stored ? (random.next() < 0.02 ? 'stale' : 'hit') : 'miss';
    pages.series({ class: className, result }).inc();
    if (stored) return hits.series({ cache: 'pages', tier: 'memory' }).inc();
    misses.series({ cache: 'pages', reason: random.next() < 0.7 ? 'absent' : 'expired' }).inc();
    picks.series({ upstream: 'site', endpoint: ENDPOINTS[at % 2]! }).inc();
  };
  return {
    name,
    metrics,
    setEndpoints,
    counted: () => count,
    setFailing: (share: number) => void (failing = share),
    serve: (seconds: number) => {
      for (const kind of CLASSES) {
        const due = (kind.perSecond / 2) * seconds;
        const now = Math.floor(due) + (random.next() < due % 1 ? 1 : 0);
        for (let at = 0; at < now; at++) answer(kind, at);
      }
    },
  };
}
