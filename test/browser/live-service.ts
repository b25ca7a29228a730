import { Metrics, randomInt, seededRandom, systemClock } from '../../src/kernel/index.ts';
import {
  createAdmin,
  createHealth,
  measureProcess,
  type AdminActions,
  type AdminListener,
  type Health,
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

export async function startLiveService(
  options: { readonly token?: string; readonly workers?: number } = {},
): Promise<LiveService> {
  const random = seededRandom(7);
  const workers = Array.from({ length: options.workers ?? 2 }, (_, at) => countingWorker(String(at + 1), random));
  const measured = workers.map(({ metrics }) => measureProcess({ metrics }));
  let silent = false;
  const health = createHealth({
    service: { name: 'power-plans', version: '0.1.0' },
    sources: async () => (silent ? [] : workers.map(({ metrics }) => metrics.snapshot())),
    workers: () => workers.map(({ name }) => ({ name, state: 'running', pid: process.pid })),
    classObjectives: new Map([
      ['critical', 1000],
      ['high', 1500],
    ]),
  });
  const performed: { action: string; request: unknown }[] = [];
  const record = (action: string) => (request?: unknown) => {
    performed.push({ action, request });
    return { done: true };
  };
  const names = ['purge', 'reload', 'drainWorker', 'restartWorker', 'setShedLevel', 'drainEndpoint'] as const;
  const actions = Object.fromEntries(names.map((name) => [name, record(name)])) as Partial<AdminActions>;
  const admin = createAdmin({ port: 0, health, actions, ...(options.token === undefined ? {} : { token: options.token }) });
  const traffic = systemClock.setRepeating(() => workers.forEach((worker) => worker.serve(0.05)), 50);
  health.start();
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

function countingWorker(name: string, random: { next(): number }) {
  const metrics = new Metrics(1000, name);
  const requests = metrics.counter({ name: 'spillway_http_requests', help: 'Requests answered.', labels: ['class', 'status'] });
  const durations = metrics.timing({
    name: 'spillway_http_request_duration',
    unit: 'seconds',
    help: 'Time to answer.',
    labels: ['class'],
  });
  const pages = metrics.counter({ name: 'spillway_page_requests', help: 'Page requests.', labels: ['class', 'outcome'] });
  const lookups = metrics.counter({ name: 'spillway_cache_requests', help: 'Lookups.', labels: ['tier', 'outcome'] });
  const upstream = metrics.timing({
    name: 'spillway_upstream_duration',
    unit: 'seconds',
    help: 'Time of the upstream.',
    labels: ['upstream'],
  });
  const picks = metrics.counter({ name: 'spillway_balance_picks', help: 'Picks.', labels: ['upstream', 'endpoint'] });
  const up = metrics.gauge({ name: 'spillway_balance_up', help: 'Whether it may be picked.', labels: ['upstream', 'endpoint'] });
  metrics.gauge({ name: 'spillway_http_in_flight', help: 'Requests being answered.' }).series().set(9);
  metrics.gauge({ name: 'spillway_http_connections', help: 'Open connections.' }).series().set(184);
  metrics.gauge({ name: 'spillway_page_regeneration_waiting', help: 'Waiting.' }).series().set(3);
  const endpoints = ['http://127.0.0.1:3001', 'http://127.0.0.1:3002'];
  const setEndpoints = (states: readonly boolean[]): void =>
    endpoints.forEach((endpoint, at) => up.series({ upstream: 'site', endpoint }).set(states[at] ? 1 : 0));
  setEndpoints([true, true]);
  let failing = 0;
  let count = 0;
  return {
    name,
    metrics,
    setEndpoints,
    counted: () => count,
    setFailing: (share: number) => void (failing = share),
    serve: (seconds: number) => {
      for (const { name: className, perSecond, ms, hit } of CLASSES) {
        const due = (perSecond / 2) * seconds;
        const now = Math.floor(due) + (random.next() < due % 1 ? 1 : 0);
        for (let at = 0; at < now; at++) {
          const failed = random.next() < failing;
          const status = failed ? '502' : random.next() < 0.01 ? '404' : random.next() < 0.04 ? '304' : '200';
          requests.series({ class: className, status }).inc();
          count++;
          const stored = random.next() < hit;
          const spent = stored ? ms * (0.4 + random.next()) : 20 + ms * 4 * random.next() ** 4 + randomInt(random, 60);
          durations.series({ class: className }).observe(spent);
          if (hit > 0)
            pages.series({ class: className, outcome: stored ? (random.next() < 0.02 ? 'stale' : 'hit') : 'miss' }).inc();
          else pages.series({ class: className, outcome: 'bypass' }).inc();
          lookups.series({ tier: 'memory', outcome: stored ? 'hit' : 'miss' }).inc();
          if (stored) continue;
          picks.series({ upstream: 'site', endpoint: endpoints[at % 2]! }).inc();
          upstream.series({ upstream: 'site' }).observe(spent * 0.9);
        }
      }
    },
  };
}
