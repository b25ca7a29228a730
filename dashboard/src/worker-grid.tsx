import type { WorkerRow } from '../../src/health/overview.ts';
import { bytes, ms, percent, rate, span } from '../../src/health/format.ts';
import type { Act } from './actions.tsx';

interface WorkerGridProps {
  readonly workers: readonly WorkerRow[];
  readonly nowMs: number;
  readonly available: ReadonlySet<string>;
  readonly act: Act;
}

export function WorkerGrid({ workers, nowMs, available, act }: WorkerGridProps) {
  return (
    <section class="card" aria-labelledby="workers-title">
      <h2 id="workers-title">Workers</h2>
      <ul class="workers">
        {workers.map((worker) => (
          <li key={worker.name} data-worker={worker.name}>
            <header>
              <b>{worker.name}</b>
              <span class="state">{worker.state}</span>
              {worker.startedMs !== null && <span class="muted">up {span(nowMs - worker.startedMs)}</span>}
            </header>
            <Gauge label="event loop" value={worker.loop} />
            <Gauge label="heap" value={share(worker.heapBytes, worker.heapLimitBytes)} text={bytes(worker.heapBytes)} />
            <dl class="figures">
              <Figure label="rate" value={rate(worker.rate)} />
              <Figure label="loop delay" value={ms(worker.loopDelayMs)} />
              <Figure label="CPU" value={percent(worker.cpu)} />
              <Figure label="resident" value={bytes(worker.residentBytes)} />
              <Figure label="restarts" value={String(worker.restarts)} />
            </dl>
            <p class="leak" data-tone={worker.leak.verdict === 'leaking' ? 'bad' : undefined}>
              {worker.leak.verdict === 'leaking' ? 'leak: ' : 'memory: '}
              {worker.leak.text}
            </p>
            <WorkerButtons name={worker.name} available={available} act={act} />
          </li>
        ))}
      </ul>
      {workers.length === 0 && <p class="teach">No worker has reported yet.</p>}
    </section>
  );
}

const BUTTONS = [
  { action: 'drainWorker', path: 'drain', label: 'Drain', text: 'It takes no new requests, finishes those it has, and stops.' },
  {
    action: 'restartWorker',
    path: 'restart',
    label: 'Restart',
    text: 'A new worker starts first; then this one drains and stops.',
  },
  {
    action: 'heapProfile',
    path: 'heap-profile',
    label: 'Heap profile',
    text: 'For 30 seconds it notes where memory is allocated that stays alive, and then writes a file that Chrome DevTools open. Requests go on.',
  },
] as const;

function WorkerButtons({ name, available, act }: { name: string } & Pick<WorkerGridProps, 'available' | 'act'>) {
  const offered = BUTTONS.filter(({ action }) => available.has(action));
  if (offered.length === 0) return null;
  return (
    <footer>
      {offered.map(({ action, path, label, text }) => (
        <button
          key={action}
          type="button"
          onClick={() =>
            act({ title: `${label} of ${name}?`, path: `workers/${encodeURIComponent(name)}/${path}`, body: {}, text })
          }
        >
          {label}…
        </button>
      ))}
    </footer>
  );
}

function share(part: number | null, whole: number | null): number | null {
  return part === null || !whole ? null : part / whole;
}

function Gauge({ label, value, text }: { label: string; value: number | null; text?: string }) {
  return (
    <div class="gauge" data-tone={value === null ? undefined : value > 0.9 ? 'bad' : value > 0.7 ? 'warn' : undefined}>
      <span>{label}</span>
      <meter value={value ?? 0} aria-label={label} />
      <b>{text ?? percent(value)}</b>
    </div>
  );
}

function Figure({ label, value }: { label: string; value: string }) {
  return (
    <div>
      <dt>{label}</dt>
      <dd>{value}</dd>
    </div>
  );
}
