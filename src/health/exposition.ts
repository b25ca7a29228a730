import { TIMING_BUCKETS_MS, type Clock, type Labels } from '../kernel/index.ts';
import { exposedName } from './exposed-name.ts';
import type { FleetFamily, FleetSeries } from './fleet.ts';

/** The two text formats Prometheus reads. */
export type MetricsFormat = 'prometheus' | 'openmetrics';

export const CONTENT_TYPES: Readonly<Record<MetricsFormat, string>> = {
  prometheus: 'text/plain; version=0.0.4; charset=utf-8',
  openmetrics: 'application/openmetrics-text; version=1.0.0; charset=utf-8',
};

/** OpenMetrics when the client accepts it at least as gladly as plain text. */
export function formatFor(accept: string | undefined): MetricsFormat {
  const quality = (type: string): number => {
    const range = (accept ?? '').split(',').find((part) => part.trim().toLowerCase().startsWith(type));
    return range ? Number(/;\s*q=([\d.]+)/.exec(range)?.[1] ?? 1) : 0;
  };
  const open = quality('application/openmetrics-text');
  return open > 0 && open >= quality('text/plain') ? 'openmetrics' : 'prometheus';
}

const SECONDS_LE = TIMING_BUCKETS_MS.map((ms) => openMetricsNumber(ms / 1000));

/** The clock is looked at each time so many series are written: some tenths of a millisecond's work. */
const SERIES_BETWEEN_LOOKS = 32;
/** How long the text is written at a stretch before other work gets its turn, in ms. */
const SLICE_MS = 2;

/**
 * The text of all `families`, in pieces of some 64 kB. Between slices of {@link SLICE_MS} other work runs, so that a
 * scrape of any size holds up no request.
 */
export async function* metricsText(families: Iterable<FleetFamily>, format: MetricsFormat, clock: Clock): AsyncGenerator<string> {
  let piece = '';
  let written = 0;
  let sliceStart = clock.monotonic();
  for (const family of [...families].filter(({ series }) => series.size > 0)) {
    const name = exposedName(family);
    piece += headOf(family, name, format);
    for (const series of family.series.values()) {
      piece += linesOf(family, series, name);
      if (++written % SERIES_BETWEEN_LOOKS !== 0 || (piece.length < 65_536 && clock.monotonic() - sliceStart < SLICE_MS))
        continue;
      yield piece;
      piece = '';
      await nextTurn();
      sliceStart = clock.monotonic();
    }
  }
  yield format === 'openmetrics' ? `${piece}# EOF\n` : piece;
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function headOf(family: FleetFamily, name: string, format: MetricsFormat): string {
  const type = family.kind === 'timing' ? 'histogram' : family.kind;
  const shown = format === 'prometheus' && type === 'counter' ? `${name}_total` : name;
  const help = `# HELP ${shown} ${escapeHelp(family.help, format)}\n`;
  const unit = format === 'openmetrics' && family.unit !== undefined ? `# UNIT ${shown} ${family.unit}\n` : '';
  return `# TYPE ${shown} ${type}\n${unit}${help}`;
}

function linesOf(family: FleetFamily, series: FleetSeries, name: string): string {
  const labels = labelText(family.labels, series.labels);
  if (family.kind === 'gauge') return `${name}${braced(labels)} ${number(series.value)}\n`;
  if (family.kind === 'counter') return `${name}_total${braced(labels)} ${number(series.value)}\n`;
  const timing = series.timing!;
  const prefix = labels === '' ? '' : `${labels},`;
  let text = '';
  let below = 0;
  for (let bucket = 0; bucket < SECONDS_LE.length; bucket++) {
    below += timing.buckets[bucket]!;
    text += `${name}_bucket{${prefix}le="${SECONDS_LE[bucket]}"} ${below}\n`;
  }
  const outer = braced(labels);
  return `${text}${name}_bucket{${prefix}le="+Inf"} ${timing.count}\n${name}_sum${outer} ${timing.sumUs / 1e6}\n${name}_count${outer} ${timing.count}\n`;
}

function labelText(names: readonly string[], labels: Labels): string {
  let text = '';
  for (const name of names) text += `${text === '' ? '' : ','}${name}="${escapeLabel(labels[name] ?? '')}"`;
  return text;
}

function braced(labels: string): string {
  return labels === '' ? '' : `{${labels}}`;
}

function escapeLabel(value: string): string {
  return /["\\\n]/.test(value) ? value.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('"', '\\"') : value;
}

function escapeHelp(help: string, format: MetricsFormat): string {
  const text = help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
  return format === 'openmetrics' ? text.replaceAll('"', '\\"') : text;
}

function number(value: number): string {
  return value === Infinity ? '+Inf' : value === -Infinity ? '-Inf' : String(value);
}

/** OpenMetrics wants bounds as floats: `1.0`, not `1`. */
function openMetricsNumber(value: number): string {
  return Number.isInteger(value) ? value.toFixed(1) : String(value);
}
