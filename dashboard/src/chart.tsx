import uPlot from 'uplot';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { Change } from '../../src/health/timeline.ts';
import type { SignalStore } from './signal-store.ts';
import { colour, type Theme } from './theme.ts';
import { clockTime, span } from '../../src/health/format.ts';

export interface ChartLine {
  readonly signal: string;
  readonly label: string;
  /** Name of a theme colour. */
  readonly colour: string;
}

interface ChartProps {
  /** What the chart shows, for those who cannot see it. */
  readonly title: string;
  readonly lines: readonly ChartLine[];
  /** Lines are parts of a whole, drawn one upon the other. */
  readonly stacked?: boolean;
  readonly format: (value: number | null) => string;
  /** The top of the scale is at least this. */
  readonly atLeast: number;
  readonly store: SignalStore;
  readonly changes: readonly Change[];
  readonly theme: Theme;
  /** Rises when the store has new data. */
  readonly tick: number;
}

const HEIGHT = 92;

/** Signals through time, with a line where something changed; the cursor is the same on all charts. */
export function Chart(props: ChartProps) {
  const { title, lines, stacked = false, format, atLeast, store, changes, theme, tick } = props;
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | undefined>(undefined);
  const seen = useRef(changes);
  seen.current = changes;
  const [at, setAt] = useState<number | null>(null);

  useEffect(() => {
    const element = box.current!;
    const made = new uPlot(
      optionsFor(element.clientWidth, lines, stacked, atLeast, format, () => seen.current, setAt),
      dataOf(store, lines, stacked),
      element,
    );
    plot.current = made;
    const observer = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height: HEIGHT }));
    observer.observe(element);
    return () => {
      observer.disconnect();
      made.destroy();
    };
  }, [theme, lines, stacked]);

  useEffect(() => {
    const end = store.times.at(-1) ?? Date.now() / 1000;
    plot.current?.setData(dataOf(store, lines, stacked), false);
    plot.current?.setScale('x', { min: end - store.shownMs / 1000, max: end });
  }, [tick, theme, lines, store.range]);

  const last = store.times.length - 1;
  const shown = at !== null && at <= last ? at : last;
  const value = (line: ChartLine): number | null => store.column(line.signal)[shown] ?? null;
  const summary = lines.map((line) => `${line.label} ${format(store.column(line.signal)[last] ?? null)}`).join(', ');
  return (
    <figure class="chart">
      <div ref={box} class="plot" role="img" aria-label={`${title}, last ${span(store.shownMs)}. Now: ${summary}`} />
      <figcaption>
        {lines.map((line) => (
          <span key={line.signal} class="key">
            <i class={`swatch ${line.colour}`} />
            {line.label} <b>{format(value(line))}</b>
          </span>
        ))}
        <span class="when">
          {at !== null && at <= last ? clockTime(store.times[at]! * 1000, Date.now()) : `last ${span(store.shownMs)}`}
        </span>
      </figcaption>
    </figure>
  );
}

function dataOf(store: SignalStore, lines: readonly ChartLine[], stacked: boolean): uPlot.AlignedData {
  const columns = lines.map((line) => store.column(line.signal));
  if (!stacked) return [store.times as number[], ...(columns as number[][])];
  // The last line lies at the bottom; each one before it stands upon those after it.
  const sums: (number | null)[][] = [];
  let below: readonly (number | null)[] = [];
  for (const column of columns.toReversed()) {
    const sum = store.times.map((_, at) =>
      column[at] === null && below[at] == null ? null : (column[at] ?? 0) + (below[at] ?? 0),
    );
    sums.unshift(sum);
    below = sum;
  }
  return [store.times as number[], ...(sums as number[][])];
}

function optionsFor(
  width: number,
  lines: readonly ChartLine[],
  stacked: boolean,
  atLeast: number,
  format: (value: number | null) => string,
  changes: () => readonly Change[],
  onCursor: (at: number | null) => void,
): uPlot.Options {
  return {
    width,
    height: HEIGHT,
    pxAlign: false,
    legend: { show: false },
    padding: [6, 0, 0, 0],
    cursor: { y: false, sync: { key: 'time' }, points: { size: 5 }, drag: { x: false, y: false } },
    scales: { x: { time: true, auto: false }, y: { range: (_plot, _min, max) => [0, Math.max(atLeast, (max || 0) * 1.08)] } },
    axes: [{ show: false }, { show: false }],
    series: [
      {},
      ...lines.map((line) => ({
        label: line.label,
        stroke: colour(line.colour),
        width: stacked ? 0 : 1.5,
        fill: stacked ? colour(`${line.colour}-fill`) : `color-mix(in srgb, ${colour(line.colour)} 10%, transparent)`,
        points: { show: false },
        spanGaps: false,
      })),
    ],
    hooks: {
      drawClear: [drawGrid],
      draw: [(plot) => drawChanges(plot, changes()), (plot) => drawTop(plot, format)],
      setCursor: [(plot) => onCursor(plot.cursor.idx ?? null)],
    },
  };
}

function drawGrid(plot: uPlot): void {
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.strokeStyle = colour('line');
  ctx.lineWidth = 1;
  for (const share of [0, 0.5, 1]) {
    const y = Math.round(bbox.top + bbox.height * share) + 0.5;
    ctx.beginPath();
    ctx.moveTo(bbox.left, y);
    ctx.lineTo(bbox.left + bbox.width, y);
    ctx.stroke();
  }
  ctx.restore();
}

/** The value at the top of the scale. */
function drawTop(plot: uPlot, format: (value: number | null) => string): void {
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.font = `${10.5 * devicePixelRatio}px system-ui, sans-serif`;
  ctx.textBaseline = 'top';
  const text = format(plot.scales['y']?.max ?? null);
  const [x, y] = [bbox.left + 2 * devicePixelRatio, bbox.top + 3 * devicePixelRatio];
  // Readable upon whatever is drawn there.
  ctx.globalAlpha = 0.8;
  ctx.fillStyle = colour('card');
  ctx.fillRect(bbox.left, y - devicePixelRatio, ctx.measureText(text).width + 4 * devicePixelRatio, 13 * devicePixelRatio);
  ctx.globalAlpha = 1;
  ctx.fillStyle = colour('muted');
  ctx.fillText(text, x, y);
  ctx.restore();
}

const TONES = { info: 'accent', good: 'good', bad: 'bad' } as const;

function drawChanges(plot: uPlot, changes: readonly Change[]): void {
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.lineWidth = devicePixelRatio;
  ctx.setLineDash([3 * devicePixelRatio, 3 * devicePixelRatio]);
  for (const change of changes) {
    const x = plot.valToPos(change.atMs / 1000, 'x', true);
    if (x < bbox.left || x > bbox.left + bbox.width) continue;
    ctx.strokeStyle = colour(TONES[change.tone]);
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
  }
  ctx.restore();
}
