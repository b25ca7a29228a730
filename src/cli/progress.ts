import { formatDuration } from '../kernel/index.ts';
import type { CliContext } from './context.ts';

/** How often a terminal's bar is drawn again, and how often a line is written where there is no terminal. */
const REDRAW_MS = 100;
const LINE_MS = 5000;
const BAR_WIDTH = 24;

export interface Progress {
  /** `total` undefined: nobody knows how many there are. */
  update(done: number, total?: number, note?: string): void;
  /** Takes the bar away. */
  end(): void;
}

/** Progress of long work on stderr: a bar on a terminal, a plain line every 5 s otherwise. */
export function createProgress(context: CliContext, what: string): Progress {
  const { stderr, runtime, paintError: paint } = context;
  const startedMs = runtime.clock.monotonic();
  let shownMs = stderr.isTTY ? -Infinity : startedMs;
  return {
    update(done, total, note = '') {
      const nowMs = runtime.clock.monotonic();
      if (nowMs - shownMs < (stderr.isTTY ? REDRAW_MS : LINE_MS)) return;
      shownMs = nowMs;
      const count = total === undefined ? `${done}` : `${done}/${total}`;
      const left = timeLeft(done, total, nowMs - startedMs);
      if (!stderr.isTTY) stderr.write(`${what}: ${[count, left, note].filter(Boolean).join(', ')}\n`);
      else {
        const bar = total === undefined ? '' : `${paint.name(barOf(done / total))} `;
        stderr.write(`\r\u001B[2K${what} ${bar}${count} ${paint.quiet([left, note].filter(Boolean).join(', '))}`);
      }
    },
    end() {
      if (stderr.isTTY) stderr.write('\r\u001B[2K');
    },
  };
}

function barOf(share: number): string {
  const full = Math.round(Math.min(1, share) * BAR_WIDTH);
  return '█'.repeat(full) + '░'.repeat(BAR_WIDTH - full);
}

function timeLeft(done: number, total: number | undefined, elapsedMs: number): string {
  if (total === undefined || done === 0 || done >= total) return '';
  return `${formatDuration(Math.ceil(((elapsedMs / done) * (total - done)) / 1000) * 1000)} left`;
}
