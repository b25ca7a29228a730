import { escapeHtml } from './text.ts';

/** A line of a chart. */
export interface Line {
  readonly name: string;
  /** A CSS class of the page: `c1` … `c4`, `bad`, `quiet`. */
  readonly className: string;
  /** One value for each x; null leaves a gap. */
  readonly values: readonly (number | null)[];
  /** Fills the area below. */
  readonly filled?: boolean;
}

export interface Chart {
  readonly title: string;
  /** One sentence under the title that says how to read it. */
  readonly note?: string;
  readonly lines: readonly Line[];
  /** Positions along the x axis, rising. */
  readonly xs: readonly number[];
  readonly xLabel: (x: number) => string;
  /** Where the x axis has labels; default: about six round places. */
  readonly xTicks?: readonly number[];
  readonly yLabel: (y: number) => string;
  readonly height?: number;
  /** Moments to mark with a line, on the x axis. */
  readonly marks?: readonly { readonly x: number; readonly what: string }[];
  /** Half the page wide. */
  readonly narrow?: boolean;
  /** Least upper end of the y axis. */
  readonly yAtLeast?: number;
  /** A logarithmic y axis: for values that span more than two decades. */
  readonly logarithmic?: boolean;
}

const WIDE = 760;
const NARROW = 460;
const LEFT = 64;
const RIGHT = 12;
const TOP = 8;
const BOTTOM = 26;

/** The chart as a figure: inline SVG, its legend, and its numbers for the pointer to show. */
export function renderChart(chart: Chart): string {
  const legend = chart.lines.map((line) => `<span class="key ${line.className}"><i></i>${escapeHtml(line.name)}</span>`).join('');
  // A wide one is drawn a second time for narrow screens, where its labels would shrink beyond reading.
  const plots = chart.narrow
    ? plotOf(chart, 'plot', NARROW)
    : plotOf(chart, 'plot desk', WIDE) + plotOf({ ...chart, narrow: true }, 'plot hand', NARROW);
  return `<figure class="chart">
<figcaption><h3>${escapeHtml(chart.title)}</h3>${chart.note ? `<p>${escapeHtml(chart.note)}</p>` : ''}<div class="keys">${legend}</div></figcaption>
${plots}<output></output></figure>`;
}

function plotOf(chart: Chart, className: string, width: number): string {
  const height = chart.height ?? 200;
  const scale = scalesOf(chart, width, height);
  const data = escapeHtml(JSON.stringify(hoverData(chart, scale.x)));
  return `<div class="${className}"><svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${escapeHtml(describe(chart))}" data-points="${data}">
${gridOf(chart, scale, width, height)}
${chart.lines.map((line) => pathOf(line, chart.xs, scale, height)).join('\n')}
${(chart.marks ?? []).map(({ x, what }) => `<g class="mark-line"><title>${escapeHtml(what)}</title><line x1="${place(scale.x(x))}" x2="${place(scale.x(x))}" y1="${TOP}" y2="${height - BOTTOM}"/></g>`).join('')}
<line class="cursor" y1="${TOP}" y2="${height - BOTTOM}" hidden/>
</svg></div>`;
}

interface Scales {
  readonly x: (x: number) => number;
  readonly y: (y: number) => number;
  readonly yTicks: readonly number[];
}

function scalesOf(chart: Chart, width: number, height: number): Scales {
  const [first, last] = [chart.xs[0] ?? 0, chart.xs.at(-1) ?? 1];
  const values = chart.lines.flatMap((line) => line.values.filter((value): value is number => value !== null));
  const highest = Math.max(chart.yAtLeast ?? 0, ...values) || 1;
  const bottom = height - BOTTOM;
  const x = (at: number): number => LEFT + ((at - first) / Math.max(1e-9, last - first)) * (width - LEFT - RIGHT);
  if (!chart.logarithmic) {
    const yTicks = roundSteps(highest, 4);
    const top = Math.max(highest, yTicks.at(-1)!);
    return { x, y: (at) => bottom - (at / top) * (bottom - TOP), yTicks };
  }
  const lowest = Math.max(1e-6, Math.min(...values.filter((value) => value > 0), highest));
  const [from, to] = [Math.floor(Math.log10(lowest)), Math.ceil(Math.log10(highest))];
  const decades = Array.from({ length: Math.max(1, to - from) + 1 }, (_, step) => 10 ** (from + step));
  const span = Math.max(1, to - from);
  return { x, y: (at) => bottom - ((Math.log10(Math.max(at, 10 ** from)) - from) / span) * (bottom - TOP), yTicks: decades };
}

/** 0 and about `steps` round numbers up to `highest` or a little above. */
function roundSteps(highest: number, steps: number): number[] {
  const raw = highest / steps;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 2.5, 5, 10].map((factor) => factor * power).find((candidate) => candidate >= raw * 0.999)!;
  return Array.from({ length: Math.ceil(highest / step - 1e-9) + 1 }, (_, at) => at * step);
}

function gridOf(chart: Chart, { x, y, yTicks }: Scales, width: number, height: number): string {
  const rows = yTicks.map(
    (tick) =>
      `<line class="grid" x1="${LEFT}" x2="${width - RIGHT}" y1="${place(y(tick))}" y2="${place(y(tick))}"/><text class="tick" x="${LEFT - 8}" y="${place(y(tick) + 4)}" text-anchor="end">${escapeHtml(chart.yLabel(tick))}</text>`,
  );
  const xTicks =
    thinned(chart) ?? roundSteps(chart.xs.at(-1) ?? 0, chart.narrow ? 4 : 6).filter((at) => at <= (chart.xs.at(-1) ?? 0) + 1e-9);
  const columns = xTicks.map(
    (tick, at) =>
      `<text class="tick" x="${place(x(tick))}" y="${height - 8}" text-anchor="${at === 0 ? 'start' : at === xTicks.length - 1 ? 'end' : 'middle'}">${escapeHtml(chart.xLabel(tick))}</text>`,
  );
  return [...rows, ...columns].join('');
}

/** The places for labels, every other one where all of them would run into each other. */
function thinned({ xTicks, narrow }: Chart): readonly number[] | undefined {
  return narrow && xTicks && xTicks.length > 4 ? xTicks.filter((_, at) => (xTicks.length - 1 - at) % 2 === 0) : xTicks;
}

function pathOf(line: Line, xs: readonly number[], { x, y }: Scales, height: number): string {
  const runs: string[][] = [[]];
  for (const [at, value] of line.values.entries()) {
    if (value === null) runs.push([]);
    else runs.at(-1)!.push(`${place(x(xs[at]!))} ${place(y(value))}`);
  }
  const bottom = height - BOTTOM;
  return runs
    .filter((run) => run.length > 0)
    .map((run) => {
      const points = run.length === 1 ? [...run, `${Number(run[0]!.split(' ')[0]) + 1} ${run[0]!.split(' ')[1]}`] : run;
      const area = `M${points[0]!.split(' ')[0]} ${bottom}L${points.join('L')}L${points.at(-1)!.split(' ')[0]} ${bottom}Z`;
      return `${line.filled ? `<path class="area ${line.className}" d="${area}"/>` : ''}<path class="line ${line.className}" d="M${points.join('L')}"/>`;
    })
    .join('');
}

/** What the pointer shows: for each x its place, its label, and each line's value. */
function hoverData(chart: Chart, x: (x: number) => number): unknown {
  return {
    at: chart.xs.map((position) => Number(place(x(position)))),
    labels: chart.xs.map(chart.xLabel),
    lines: chart.lines.map((line) => ({
      name: line.name,
      className: line.className,
      values: line.values.map((value) => (value === null ? '–' : chart.yLabel(value))),
    })),
  };
}

function describe(chart: Chart): string {
  const parts = chart.lines.map((line) => {
    const values = line.values.filter((value): value is number => value !== null);
    return values.length === 0
      ? `${line.name}: no values`
      : `${line.name}: ${chart.yLabel(Math.min(...values))} to ${chart.yLabel(Math.max(...values))}`;
  });
  return `${chart.title}. ${parts.join('; ')}.`;
}

function place(value: number): string {
  return String(Math.round(value * 10) / 10);
}
