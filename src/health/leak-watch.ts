import type { MetricsSnapshot } from '../kernel/index.ts';
import type { Finding } from './alert-book.ts';
import { familyIn } from './exposed-name.ts';
import { workerNamed } from './words.ts';
import { LeakDetector, type LeakVerdict } from './leak.ts';

interface Watched {
  worker: string;
  seenMs: number;
  readonly detector: LeakDetector;
  collections: number;
  verdict: LeakVerdict;
}

/** Below this a leak pages, and below the other it is a ticket; above, the next deploy comes first. */
const PAGE_HOURS = 6;
const TICKET_HOURS = 72;

/** A worker that misses an answer is not forgotten at once: what was learnt of it took hours. */
const FORGOTTEN_MS = 300_000;

const UNKNOWN: LeakVerdict = {
  verdict: 'unknown',
  bytesPerHour: 0,
  hoursToLimit: null,
  text: 'too few major collections to tell yet',
};

/** A leak detector for each life of each worker, fed after its major collections. */
export class LeakWatch {
  readonly #watched = new Map<string, Watched>();
  #nowMs = 0;

  update(present: readonly MetricsSnapshot[], nowMs: number): void {
    for (const snapshot of present) this.#updateOne(snapshot, nowMs);
    this.#nowMs = nowMs;
    for (const [id, { seenMs }] of this.#watched) if (nowMs - seenMs > FORGOTTEN_MS) this.#watched.delete(id);
  }

  verdictOf(worker: string): LeakVerdict {
    return this.#present().find((watched) => watched.worker === worker)?.verdict ?? UNKNOWN;
  }

  findings(): Finding[] {
    return this.#present().flatMap(({ worker, verdict }): Finding[] => {
      const { hoursToLimit } = verdict;
      if (verdict.verdict !== 'leaking' || hoursToLimit === null || hoursToLimit > TICKET_HOURS) return [];
      const severity = hoursToLimit < PAGE_HOURS ? 'page' : 'ticket';
      return [{ key: `SpillwayMemoryLeak/${worker}`, severity, text: `${workerNamed(worker)}: ${verdict.text}`, forMs: 0 }];
    });
  }

  #present(): Watched[] {
    return [...this.#watched.values()].filter(({ seenMs }) => seenMs === this.#nowMs);
  }

  #updateOne(snapshot: MetricsSnapshot, nowMs: number): void {
    const liveBytes = valueOf(snapshot, 'v8js_memory_live_bytes');
    if (snapshot.instance === undefined || liveBytes === undefined || liveBytes === 0) return;
    const collections = valueOf(snapshot, 'v8js_gc_major_collections') ?? 0;
    let watched = this.#watched.get(snapshot.instance);
    if (!watched) {
      const limitBytes = Math.min(
        valueOf(snapshot, 'v8js_memory_heap_limit_bytes') || Infinity,
        valueOf(snapshot, 'process_memory_limit_bytes') || Infinity,
      );
      const startMs = (valueOf(snapshot, 'process_start_time_seconds') ?? nowMs / 1000) * 1000;
      watched = {
        worker: '',
        seenMs: nowMs,
        detector: new LeakDetector(limitBytes, startMs),
        collections: 0,
        verdict: UNKNOWN,
      };
      this.#watched.set(snapshot.instance, watched);
    }
    // A worker that drains leaves its name to its successor.
    watched.worker = snapshot.worker ?? 'main';
    watched.seenMs = nowMs;
    if (collections === watched.collections) return;
    watched.collections = collections;
    const declared = valueOf(snapshot, 'spillway_cache_bytes') ?? 0;
    watched.detector.add({ atMs: nowMs, liveBytes: liveBytes - declared, requests: requestsOf(snapshot) });
    watched.verdict = watched.detector.verdict();
  }
}

function valueOf(snapshot: MetricsSnapshot, name: string): number | undefined {
  return familyIn(snapshot, name)?.series.reduce((sum, series) => sum + (series.value ?? 0), 0);
}

function requestsOf(snapshot: MetricsSnapshot): Record<string, number> {
  const requests: Record<string, number> = {};
  for (const { labels, value } of familyIn(snapshot, 'spillway_http_requests')?.series ?? []) {
    const name = labels['class'] ?? '';
    requests[name] = (requests[name] ?? 0) + (value ?? 0);
  }
  return requests;
}
