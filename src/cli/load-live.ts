import { formatDuration } from '../kernel/index.ts';
import type { LoadProgress } from '../load/index.ts';
import type { CliContext } from './context.ts';
import { milliseconds, whole } from './load-report.ts';
import { sparkline } from './sparkline.ts';

/** How often a line is written where there is no terminal, ms. */
const LINE_MS = 5000;
const WIDTH = 40;
const HEIGHT = 5;

export interface LoadLive {
  show(progress: LoadProgress): void;
  /** Takes the view away. */
  end(): void;
}

/** A run as it goes on, on stderr: a small panel on a terminal, a plain line every 5 s otherwise. */
export function createLoadLive(context: CliContext): LoadLive {
  const { stderr } = context;
  const latencies: number[] = [];
  const rates: number[] = [];
  let drawn = false;
  let lineMs = 0;
  const clear = (): void => {
    if (drawn) stderr.write(`\u001B[${HEIGHT}A\u001B[0J`);
    drawn = false;
  };
  return {
    show(progress) {
      if (!stderr.isTTY) {
        if (progress.elapsedMs < lineMs + LINE_MS) return;
        lineMs = progress.elapsedMs;
        stderr.write(`${plainLine(progress)}\n`);
        return;
      }
      keep(latencies, progress.recent.p99 ?? 0);
      keep(rates, progress.recent.ratePerSecond);
      clear();
      stderr.write(panel(progress, rates, latencies, context));
      drawn = true;
    },
    end: clear,
  };
}

function plainLine({ elapsedMs, durationMs, answered, failed, recent }: LoadProgress): string {
  const parts = [
    `${seconds(elapsedMs)} of ${formatDuration(durationMs)}`,
    `${whole(recent.ratePerSecond)}/s`,
    `p50 ${milliseconds(recent.p50)}`,
    `p99 ${milliseconds(recent.p99)}`,
    `${whole(answered)} answered`,
    `${whole(failed)} failed`,
  ];
  return parts.join(', ');
}

function panel(
  { elapsedMs, durationMs, answered, failed, inFlight, recent }: LoadProgress,
  rates: readonly number[],
  latencies: readonly number[],
  { paintError: paint }: CliContext,
): string {
  const share = Math.min(1, elapsedMs / durationMs);
  const full = Math.round(share * WIDTH);
  const bar = `${paint.name('█'.repeat(full))}${paint.quiet('░'.repeat(WIDTH - full))}`;
  const failures = failed > 0 ? paint.bad(`${whole(failed)} failed`) : paint.quiet('0 failed');
  const strained = recent.busy > 0.9 || recent.lagMs > 10;
  const generator = `generator ${Math.round(recent.busy * 100)} % busy, lag up to ${milliseconds(recent.lagMs)}`;
  return [
    `  ${bar} ${seconds(elapsedMs)} of ${formatDuration(durationMs)}`,
    `  rate  ${paint.name(sparkline(rates, WIDTH).padEnd(WIDTH))} ${whole(recent.ratePerSecond)}/s`,
    `  p99   ${paint.name(sparkline(latencies, WIDTH).padEnd(WIDTH))} ${milliseconds(recent.p99)}  ${paint.quiet(`p50 ${milliseconds(recent.p50)}`)}`,
    `  ${whole(answered)} answered, ${failures}, ${whole(inFlight)} in flight`,
    `  ${strained ? paint.warning(generator) : paint.quiet(generator)}`,
    '',
  ].join('\n');
}

function keep(values: number[], value: number): void {
  values.push(value);
  if (values.length > WIDTH) values.shift();
}

function seconds(ms: number): string {
  return `${Math.round(ms / 1000)}s`;
}
