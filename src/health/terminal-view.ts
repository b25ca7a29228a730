import { amount, bytes, clockTime, ms, percent, rate, span } from './format.ts';
import type { Hop, Overview } from './overview.ts';
import type { Change } from './timeline.ts';

/** Colours by what they mean; the command line's own fulfil it. */
export interface TerminalPaint {
  title(text: string): string;
  good(text: string): string;
  warning(text: string): string;
  bad(text: string): string;
  quiet(text: string): string;
}

export interface TerminalMoment {
  readonly overview: Overview;
  /** Newest last. */
  readonly changes: readonly Change[];
  /** Signals through time, for the little curves. */
  readonly curves: Readonly<Record<string, readonly (number | null)[]>>;
}

const VERDICTS = { healthy: ['✓', 'good'], degraded: ['!', 'warning'], critical: ['✕', 'bad'], unknown: ['?', 'quiet'] } as const;
const CURVE_WIDTH = 30;
const SHOWN_CHANGES = 6;

/** The dashboard as text, at most `columns` wide: the same figures in the same order. */
export function terminalView(moment: TerminalMoment, columns: number, paint: TerminalPaint): string {
  const { overview } = moment;
  const sections = [
    verdictLines(overview, paint),
    overview.alerts.map((alert) =>
      paint[alert.severity === 'page' ? 'bad' : 'warning'](
        `  ${alert.state === 'pending' ? 'pending' : alert.severity}  ${alert.text}`,
      ),
    ),
    overview.objectives
      .filter(({ total }) => total > 0)
      .map((one) => `  ${pad(one.text, 52)} ${budgetText(one.left, paint)}  burn ${one.burn1h.toFixed(1)} × in 1 h`),
    tileLines(moment, paint),
    [
      `  ${overview.path
        .filter(({ state }) => state !== 'absent')
        .map((hop) => hopText(hop, paint))
        .join(paint.quiet(' ─▶ '))}`,
    ],
    classLines(overview, paint),
    missLine(overview, paint),
    [protectionLine(overview, paint)],
    endpointLines(overview, paint),
    workerLines(overview, paint),
    changeLines(moment.changes, overview.atMs, paint),
  ];
  const lines = sections.flatMap((section) => (section.length === 0 ? [] : [...section, '']));
  return lines.map((line) => cut(line, columns)).join('\n');
}

function verdictLines({ verdict, sinceMs, causes, atMs, service }: Overview, paint: TerminalPaint): string[] {
  const [sign, tone] = VERDICTS[verdict];
  const cause = causes[0]?.text ?? 'every limit is kept and every part answers';
  return [
    `  ${paint.title(service.name)} ${paint.quiet(`${service.version} · ${clockTime(atMs, atMs)}`)}`,
    `  ${paint[tone](`${sign} ${verdict.toUpperCase()}`)}  ${cause}  ${paint.quiet(`for ${span(atMs - sinceMs)}`)}`,
    ...causes.slice(1, 4).map(({ text }) => `    ${text}`),
  ];
}

function budgetText(left: number, paint: TerminalPaint): string {
  const text = left <= 0 ? 'budget spent' : `${percent(left)} left`;
  return paint[left <= 0 ? 'bad' : left < 0.25 ? 'warning' : 'good'](pad(text, 12));
}

function tileLines({ overview, curves }: TerminalMoment, paint: TerminalPaint): string[] {
  const { traffic, latency, saturation, headroom } = overview;
  const line = (name: string, value: string, signal: string, facts: string): string =>
    `  ${pad(name, 10)} ${paint.title(pad(value, 9))} ${curve(curves[signal] ?? [])}  ${paint.quiet(facts)}`;
  const failed = traffic.serverErrors > 0 ? paint.bad(`failed ${rate(traffic.serverErrors)}`) : 'failed 0/s';
  return [
    line(
      'rate',
      rate(traffic.rate),
      'http.rate',
      `${failed} · timed out ${rate(traffic.timeouts)} · in flight ${amount(traffic.inFlight)} · connections ${amount(traffic.connections)}`,
    ),
    line('p95', ms(latency.p95Ms), 'http.p95', `p50 ${ms(latency.p50Ms)} · p99 ${ms(latency.p99Ms)}`),
    line(
      'busiest',
      percent(saturation.loopWorst),
      'loop.worst',
      `loop delay ${ms(saturation.loopDelayMs)} · CPU ${percent(saturation.cpu)}`,
    ),
    line(
      'memory',
      percent(saturation.memory),
      'memory.share',
      `${bytes(saturation.residentBytes)} · headroom ${headroom.usedShare === null ? '–' : percent(Math.max(0, 1 - headroom.usedShare))}`,
    ),
  ];
}

function hopText(hop: Hop, paint: TerminalPaint): string {
  const figures = [
    hop.id === 'client' ? amount(hop.rate) : rate(hop.rate),
    ...(hop.hitRatio === null ? [] : [percent(hop.hitRatio)]),
  ].join(' ');
  if (hop.state === 'broken') return paint.bad(`✕ ${hop.label} ${figures}`);
  return hop.state === 'slow' ? paint.warning(`! ${hop.label} ${figures}`) : `${hop.label} ${paint.quiet(figures)}`;
}

function classLines({ classes }: Overview, paint: TerminalPaint): string[] {
  if (classes.length === 0) return [];
  const widths = [14, 9, 10, 10, 10, 8, 9, 8, 8, 11, 8];
  const row = (cells: readonly string[]): string =>
    `  ${cells.map((cell, at) => (at === 0 ? pad(cell, widths[0]!) : cell.padStart(widths[at]!))).join('')}`;
  return [
    paint.quiet(row(['class', 'rate', 'p50', 'p95', 'p99', 'hits', 'stale', '4xx', 'failed', 'timed out', 'shed'])),
    ...classes.map((one) => {
      const text = row([
        one.name,
        rate(one.rate),
        ms(one.p50Ms),
        ms(one.p95Ms),
        ms(one.p99Ms),
        percent(one.hitRatio),
        rate(one.stalePerSecond),
        percent(one.clientErrorShare),
        percent(one.errorShare),
        rate(one.timeoutsPerSecond),
        rate(one.shedPerSecond),
      ]);
      const late = one.p95Ms !== null && one.objectiveMs !== null && one.p95Ms > one.objectiveMs;
      return one.errorShare > 0.05 || late ? paint.bad(text) : one.errorShare > 0.005 ? paint.warning(text) : text;
    }),
  ];
}

function missLine({ misses }: Overview, paint: TerminalPaint): string[] {
  const all = misses.reduce((sum, { perSecond }) => sum + perSecond, 0);
  if (all === 0) return [];
  const reasons = misses.map(({ reason, perSecond }) => `${reason} ${percent(perSecond / all)}`).join(' · ');
  return [`  ${paint.quiet('missed')}  ${reasons}  ${paint.quiet(`${rate(all)} in all`)}`];
}

function protectionLine({ regeneration, protection }: Overview, paint: TerminalPaint): string {
  const shed = protection.shedPerSecond > 0 ? paint.bad(`shed ${rate(protection.shedPerSecond)}`) : 'shed 0/s';
  const made = `waiting ${amount(regeneration.waiting)} · regenerated ${rate(regeneration.donePerSecond)} · failed ${rate(regeneration.failedPerSecond)}`;
  return `  ${paint.quiet('pages')}  ${made}  ${paint.quiet('turned away')}  limited ${rate(protection.limitedPerSecond)} · ${shed}`;
}

function endpointLines({ endpoints }: Overview, paint: TerminalPaint): string[] {
  const tones = { up: 'good', down: 'bad', draining: 'warning' } as const;
  return endpoints.map(
    ({ upstream, endpoint, state, rate: perSecond, failuresPerSecond }) =>
      `  ${pad(endpoint, 34)} ${pad(upstream, 12)} ${paint[tones[state]](pad(state, 9))} ${rate(perSecond).padStart(8)}  ${paint.quiet(`failed ${rate(failuresPerSecond)}`)}`,
  );
}

function workerLines({ workers }: Overview, paint: TerminalPaint): string[] {
  const row = (cells: readonly string[]): string =>
    `  ${cells.map((cell, at) => (at < 2 ? pad(cell, at === 0 ? 14 : 10) : cell.padStart(11))).join('')}`;
  return [
    paint.quiet(row(['worker', 'state', 'rate', 'loop', 'delay', 'heap', 'resident', 'restarts'])),
    ...workers.map((one) => {
      const text = row([
        one.name,
        one.state,
        rate(one.rate),
        percent(one.loop),
        ms(one.loopDelayMs),
        bytes(one.heapBytes),
        bytes(one.residentBytes),
        String(one.restarts),
      ]);
      return one.leak.verdict === 'leaking' ? `${text}  ${paint.bad(one.leak.text)}` : text;
    }),
  ];
}

function changeLines(changes: readonly Change[], nowMs: number, paint: TerminalPaint): string[] {
  const tones = { info: 'quiet', good: 'good', bad: 'bad' } as const;
  return changes
    .slice(-SHOWN_CHANGES)
    .toReversed()
    .map(({ atMs, kind, text, tone }) => `  ${paint.quiet(clockTime(atMs, nowMs))}  ${paint[tones[tone]](pad(kind, 9))} ${text}`);
}

const BARS = '▁▂▃▄▅▆▇█';

/** The latest values as bars: the mean of each stretch, as tall as its share of the highest. */
function curve(values: readonly (number | null)[]): string {
  const recent = values.slice(-CURVE_WIDTH);
  const highest = Math.max(...recent.map((value) => value ?? 0), Number.MIN_VALUE);
  const bars = recent.map((value) => (value === null ? ' ' : BARS[Math.min(7, Math.floor((value / highest) * 7.99))]!));
  return bars.join('').padStart(CURVE_WIDTH);
}

function pad(text: string, width: number): string {
  return text.length > width ? `${text.slice(0, width - 1)}…` : text.padEnd(width);
}

/** Cuts a line to `width` characters that show; colours take no room. */
function cut(line: string, width: number): string {
  let [shown, at] = [0, 0];
  while (at < line.length && shown < width) {
    // oxlint-disable-next-line no-control-regex
    const escape = /^\u001b\[[\d;]*m/.exec(line.slice(at))?.[0];
    at += escape?.length ?? 1;
    if (!escape) shown++;
  }
  return at < line.length ? `${line.slice(0, at)}${line.includes('\u001b') ? '\u001b[0m' : ''}` : line;
}
