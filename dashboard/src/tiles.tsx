import type { ComponentChildren } from 'preact';
import type { Overview } from '../../src/health/overview.ts';
import type { Change } from '../../src/health/timeline.ts';
import { Chart, type ChartLine } from './chart.tsx';
import { amount, bytes, ms, percent, rate } from '../../src/health/format.ts';
import type { SignalStore } from './signal-store.ts';
import type { Theme } from './theme.ts';

interface TilesProps {
  readonly overview: Overview;
  readonly store: SignalStore;
  readonly changes: readonly Change[];
  readonly theme: Theme;
  readonly tick: number;
}

const RATE: readonly ChartLine[] = [
  { signal: 'http.5xx', label: 'failed', colour: 'bad' },
  { signal: 'http.4xx', label: 'client errors', colour: 'warn' },
  { signal: 'http.3xx', label: 'redirected', colour: 'calm' },
  { signal: 'http.2xx', label: 'answered', colour: 'accent' },
];
const LATENCY: readonly ChartLine[] = [
  { signal: 'http.p99', label: 'p99', colour: 'warn' },
  { signal: 'http.p95', label: 'p95', colour: 'calm' },
  { signal: 'http.p50', label: 'p50', colour: 'accent' },
];
const SATURATION: readonly ChartLine[] = [
  { signal: 'loop.worst', label: 'busiest loop', colour: 'warn' },
  { signal: 'loop.mean', label: 'all', colour: 'accent' },
];
const HEADROOM: readonly ChartLine[] = [
  { signal: 'memory.share', label: 'memory', colour: 'calm' },
  { signal: 'cpu.mean', label: 'CPU', colour: 'accent' },
];

/** Signals the tiles draw. */
export const CHARTED = [...RATE, ...LATENCY, ...SATURATION, ...HEADROOM].map(({ signal }) => signal);

export function Tiles({ overview, ...drawn }: TilesProps) {
  const { traffic, latency, saturation, headroom } = overview;
  return (
    <section class="tiles" aria-label="Vital signs">
      <Tile name="Rate" value={rate(traffic.rate)} metric="spillway_http_requests_total">
        <Fact label="in flight" value={amount(traffic.inFlight)} />
        <Fact label="connections" value={amount(traffic.connections)} />
        <Fact label="failed" value={rate(traffic.serverErrors)} bad={traffic.serverErrors > 0} />
        <Fact label="timed out" value={rate(traffic.timeouts)} bad={traffic.timeouts > 0} />
        <Chart title="Requests per second" lines={RATE} stacked format={rate} atLeast={1} {...drawn} />
      </Tile>
      <Tile name="Latency p95" value={ms(latency.p95Ms)} metric="spillway_http_request_duration_seconds">
        <Fact label="p50" value={ms(latency.p50Ms)} />
        <Fact label="p90" value={ms(latency.p90Ms)} />
        <Fact label="p99" value={ms(latency.p99Ms)} />
        <Chart title="Response time" lines={LATENCY} format={ms} atLeast={1} {...drawn} />
      </Tile>
      <Tile name="Saturation" value={percent(saturation.loopWorst)} metric="nodejs_eventloop_utilization_ratio">
        <Fact label="idlest" value={percent(saturation.loopBest)} />
        <Fact label="loop delay" value={ms(saturation.loopDelayMs)} />
        <Fact label="CPU" value={percent(saturation.cpu)} />
        <Chart title="Event loop utilisation" lines={SATURATION} format={percent} atLeast={1} {...drawn} />
      </Tile>
      <Tile
        name="Headroom"
        value={headroom.usedShare === null ? '–' : percent(Math.max(0, 1 - headroom.usedShare))}
        metric="nodejs_eventloop_utilization_ratio"
      >
        {headroom.capacityPerSecond === null ? (
          <span>too idle to tell: from 5 % load on</span>
        ) : (
          <>
            <Fact label="could take" value={`≈ ${rate(headroom.capacityPerSecond)}`} />
            <Fact label="in use" value={percent(headroom.usedShare)} />
          </>
        )}
        <Fact label="memory" value={bytes(saturation.residentBytes)} />
        <Chart title="CPU and memory in use" lines={HEADROOM} format={percent} atLeast={1} {...drawn} />
      </Tile>
    </section>
  );
}

function Tile({ name, value, metric, children }: { name: string; value: string; metric: string; children: ComponentChildren }) {
  const all = Array.isArray(children) ? children : [children];
  return (
    <article class="tile" title={metric}>
      <h2>{name}</h2>
      <p class="value">{value}</p>
      <div class="facts">{all.slice(0, -1)}</div>
      {all.at(-1)}
    </article>
  );
}

function Fact({ label, value, bad = false }: { label: string; value: string; bad?: boolean }) {
  return (
    <span class="fact" data-bad={bad}>
      {label} <b>{value}</b>
    </span>
  );
}
