import { createHash } from 'node:crypto';
import { formatDuration, Histogram } from '../../kernel/index.ts';
import { supports } from '../percentiles.ts';
import type { LoadFigures, LoadReport } from '../report.ts';
import { renderChart, type Line } from './chart.ts';
import { HOVER, STYLE } from './style.ts';
import { amount, escapeHtml, percent, time, whole } from './text.ts';

/** What each kind of failure is, for people who do not test for a living. */
const ERRORS: Readonly<Record<string, string>> = {
  connect: 'No connection could be made: nothing listens there, or it is out of reach.',
  closed: 'The target closed the connection before its answer was whole.',
  reset: 'The connection broke off.',
  timeout: 'No whole answer came within the time allowed.',
  protocol: 'The answer was not proper HTTP.',
  late: 'Never sent: every connection was busy for as long as a request may take.',
  unfinished: 'Still waiting when the test ended.',
  lost: 'A message did not reach a connection it was meant for.',
  script: "The test's own code threw an error.",
};

/** Begins a cell that holds a sentence, and the name of a column of such. */
const WORDS = '<!---->';

/** The report as one HTML file that needs nothing else: no network, no fonts, no libraries. */
export function renderHtml(report: LoadReport): string {
  const hash = (text: string): string => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
  const policy = `default-src 'none'; style-src 'unsafe-inline'; script-src ${hash(HOVER)}; base-uri 'none'; form-action 'none'`;
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<title>Load test of ${escapeHtml(report.target)}</title><style>${STYLE}</style></head><body><main>
${head(report)}${tiles(report)}${distribution(report)}${overTime(report)}${bounds(report)}${parts(report)}${failures(report)}${server(report)}${trust(report)}${glossary()}
<footer>Made by spillway load. The figures are in the JSON report too.</footer>
</main><script>${HOVER}</script></body></html>
`;
}

function head(report: LoadReport): string {
  const started = report.startedAt.replace('T', ' ').slice(0, 16);
  return `<header><h1>Load test of ${escapeHtml(report.target)}</h1>
<p class="lead">${started} UTC · ${escapeHtml(report.arrival)}</p></header>
${verdict(report)}`;
}

function verdict(report: LoadReport): string {
  const { result } = report.verdict;
  const reasons = result === 'thresholds' || result === 'ok' ? broken(report) : report.verdict.reasons;
  const list = reasons.length > 0 ? `<ul>${reasons.map((reason) => `<li>${escapeHtml(reason)}</li>`).join('')}</ul>` : '';
  const [tone, title] = {
    ok: ['good', 'Passed'],
    thresholds: ['bad', 'A limit that was set was broken'],
    regression: ['bad', 'Slower or less reliable than before'],
    invalid: ['warn', 'Not valid: these figures must not be used'],
  }[result] as [string, string];
  const sentence =
    result === 'invalid'
      ? 'The program that made the load could not keep up, or nothing was answered. What it measured says little about the target.'
      : inWords(report);
  return `<section class="verdict ${tone}"><b>${title}</b>${escapeHtml(sentence)}${list}</section>`;
}

/** The limits that broke, with values in their units. */
function broken({ thresholds, verdict }: LoadReport): string[] {
  const values = thresholds
    .filter(({ passed }) => !passed)
    .map(({ subject, expression, value }) => `${subject} ${expression}: it was ${measuredAs(subject, expression, value)}`);
  // Whatever else is said, such as that the run was ended early.
  return [...verdict.reasons.slice(0, verdict.reasons.length - values.length), ...values];
}

/** The run in one sentence. */
function inWords({ completed, failed, latency, durationMs }: LoadReport): string {
  const slowest =
    latency.p99 !== null ? `99 of 100 answers came within ${time(latency.p99)}` : `the slowest answer took ${time(latency.max)}`;
  const failing = failed === 0 ? 'none failed' : `${whole(failed)} failed`;
  return `${whole(completed)} requests were answered in ${formatDuration(durationMs)}; ${slowest}, and ${failing}.`;
}

function tiles(report: LoadReport): string {
  const { latency, ratePerSecond, failed, errorRate, peakInFlight } = report;
  const tile = (value: string, label: string, tone = ''): string =>
    `<div class="tile"><strong${tone && ` class="${tone}"`}>${value}</strong><span>${label}</span></div>`;
  return `<div class="tiles">
${tile(amount(ratePerSecond), 'answers a second')}
${tile(time(latency.p50), 'typical: half are faster')}
${tile(time(latency.p95), '95 of 100 are faster')}
${tile(time(latency.p99), '99 of 100 are faster')}
${tile(percent(errorRate), `failed (${whole(failed)})`, failed > 0 ? 'bad' : '')}
${tile(whole(peakInFlight), 'most at once')}
</div>`;
}

/** How long the slowest 1 in N took: a distribution that can be read aloud. */
function distribution(report: LoadReport): string {
  const latency = Histogram.fromJSON(report.histograms.latency);
  const service = Histogram.fromJSON(report.histograms.service);
  if (latency.count === 0) return '';
  const decades = Math.max(1, Math.floor(Math.log10(latency.count / 10)));
  const xs = Array.from({ length: decades * 20 + 1 }, (_, step) => step / 20);
  const quantile = (histogram: Histogram, x: number): number | null => {
    const q = 1 - 10 ** -x;
    return x > 0 && !supports(histogram.count, q) ? null : Math.max(0.001, histogram.quantile(q) / 1000);
  };
  const lines: Line[] = [
    { name: 'as users feel it, from when they asked', className: 'c1', values: xs.map((x) => quantile(latency, x)) },
    { name: 'from when the request was sent', className: 'c2', values: xs.map((x) => quantile(service, x)) },
  ];
  const all = lines.flatMap((line) => line.values.filter((value): value is number => value !== null));
  return `<h2>How long people wait</h2>${renderChart({
    title: 'The slowest answers',
    note: 'Read it as: “1 in 100 takes longer than …”. Where the two lines part, requests had to queue before they could even be sent.',
    lines,
    xs,
    xLabel: (x) => (x === 0 ? 'fastest' : `1 in ${whole(10 ** x)}`),
    xTicks: Array.from({ length: decades + 1 }, (_, decade) => decade),
    yLabel: time,
    height: 240,
    logarithmic: Math.max(...all) / Math.max(0.001, Math.min(...all)) > 50,
  })}`;
}

function overTime(report: LoadReport): string {
  const { points, intervalMs } = report.timeline;
  if (points.length < 2) return '';
  const xs = points.map((point) => point.atMs / 1000);
  const perSecond = (of: (point: (typeof points)[number]) => number): number[] =>
    points.map((point) => of(point) / (intervalMs / 1000));
  const xLabel = clock;
  const marks = (report.faults ?? []).map(({ atMs, what }) => ({ x: atMs / 1000, what }));
  return `<h2>Over time</h2>
${renderChart({
  title: 'Time to answer',
  note: 'From the moment a request should have been sent. A stall of the target shows as a slope that begins at its full length.',
  lines: [
    { name: 'slowest', className: 'quiet', values: points.map((point) => point.max) },
    { name: '99 of 100', className: 'c2', values: points.map((point) => point.p99) },
    { name: 'half', className: 'c1', values: points.map((point) => point.p50) },
  ],
  xs,
  xLabel,
  yLabel: time,
  marks,
})}
${marks.length > 0 ? `<p class="soft under">Dotted lines: ${escapeHtml(marks.map(({ x, what }) => `${clock(x)} ${what}`).join('; '))}.</p>` : ''}
<div class="charts">${renderChart({
    title: 'Answers a second',
    lines: [
      { name: 'sent', className: 'quiet', values: perSecond((point) => point.sent) },
      { name: 'answered', className: 'c1', values: perSecond((point) => point.answered), filled: true },
      { name: 'failed', className: 'bad', values: perSecond((point) => point.failed), filled: true },
    ],
    xs,
    xLabel,
    yLabel: amount,
    narrow: true,
  })}${renderChart({
    title: 'Requests at once',
    lines: [{ name: 'in flight or waiting', className: 'c3', values: points.map((point) => point.peakInFlight), filled: true }],
    xs,
    xLabel,
    yLabel: amount,
    narrow: true,
  })}</div>`;
}

function bounds(report: LoadReport): string {
  const { thresholds, checks, comparisons = [] } = report;
  if (thresholds.length + checks.length + comparisons.length === 0) return '';
  const mark = (passed: boolean): string =>
    `<span class="mark ${passed ? 'good' : 'bad'}">${passed ? '✓ kept' : '✗ broken'}</span>`;
  const rows = [
    ...thresholds.map(({ subject, expression, value, passed }) => [
      `${subject} ${expression}`,
      measuredAs(subject, expression, value),
      mark(passed),
    ]),
    ...checks.map(({ scenario, name, passed, failed }) => [
      `${scenario}: ${name}`,
      `${percent(passed / Math.max(1, passed + failed))} of ${whole(passed + failed)}`,
      mark(failed === 0),
    ]),
    ...comparisons.map(({ subject, before, after, regression }) => [
      `${subject}, against the baseline`,
      `${amount(before)} → ${amount(after)}`,
      mark(!regression),
    ]),
  ];
  return `<h2>Limits and checks</h2>${table(
    ['what had to hold', 'value', 'outcome'],
    rows.map(([name, value, passed]) => [escapeHtml(name!), escapeHtml(value!), passed!]),
  )}`;
}

function parts(report: LoadReport): string {
  const groups: [string, Readonly<Record<string, LoadFigures>>][] = [
    ['scenario', report.scenarios],
    ['route class', report.classes],
    ['request', report.requests],
  ];
  const shown = groups.filter(([kind, members]) => Object.keys(members).length > (kind === 'scenario' ? 1 : 0));
  if (shown.length === 0) return '';
  const tables = shown.map(([kind, members]) =>
    table(
      [kind, 'answered', 'failed', 'half', '95 of 100', '99 of 100', 'slowest'],
      Object.entries(members).map(([name, { completed, failed, latency }]) => [
        escapeHtml(name),
        whole(completed),
        failed > 0 ? `<span class="mark bad">${whole(failed)}</span>` : '0',
        time(latency.p50),
        time(latency.p95),
        time(latency.p99),
        time(latency.max),
      ]),
    ),
  );
  return `<h2>By part</h2>${tables.join('')}`;
}

function failures(report: LoadReport): string {
  const kinds = Object.entries(report.errors).toSorted((a, b) => b[1] - a[1]);
  if (kinds.length === 0) return '';
  const rows = kinds.map(([kind, times]) => [
    escapeHtml(kind),
    whole(times),
    `${WORDS}${escapeHtml(ERRORS[kind] ?? `The target answered with ${kind}.`)}`,
  ]);
  const messages = report.scriptErrors.map((message) => `<li>${escapeHtml(message)}</li>`).join('');
  return `<h2>What failed</h2>${table(['kind', 'times', `${WORDS}what it means`], rows)}${messages && `<ul>${messages}</ul>`}`;
}

function server({ server }: LoadReport): string {
  if (!server || server.figures.length === 0) return '';
  const xs = server.atMs.map((ms) => ms / 1000);
  const charts = server.figures.map(({ name, unit, means, values }) =>
    renderChart({
      title: name,
      note: means,
      lines: [{ name: unit === '' ? 'number' : unit, className: 'c4', values, filled: true }],
      xs,
      xLabel: clock,
      yLabel: (value) => `${amount(value)}${unit === '' || unit === '/s' ? unit : ` ${unit}`}`,
      narrow: true,
      ...(unit === '%' ? { yAtLeast: 100 } : {}),
    }),
  );
  return `<h2>What the target said of itself</h2><p class="soft">Read once a second from ${escapeHtml(server.url)}${server.failures > 0 ? `; ${whole(server.failures)} readings failed` : ''}.</p><div class="charts">${charts.join('')}</div>`;
}

function trust({ generator, lag, workers, connections, planned, missed, sent, verdict }: LoadReport): string {
  const rows = [
    ['Arrivals planned and begun', `${whole(planned)} and ${whole(planned - missed)}`],
    ['Left late by, at most 1 in 100', time(lag.p99)],
    ['Busy share of the generator', percent(generator.busy)],
    ['Processes and connections', `${whole(workers)} and ${whole(connections)}`],
    ['CPU time a request', sent > 0 && generator.cpuMs > 0 ? `${amount((generator.cpuMs * 1000) / sent)} µs` : '–'],
  ];
  const sentence =
    verdict.result === 'invalid'
      ? 'No: see the reasons above.'
      : 'Yes: the program that made the load kept to its plan, so the times are the target’s and not its own.';
  return `<h2>Can these figures be trusted?</h2><p class="soft">${sentence}</p>${table(
    ['', ''],
    rows.map((row) => row.map((cell) => escapeHtml(cell!))),
    false,
  )}`;
}

function glossary(): string {
  return `<h2>How to read this</h2><dl>
<dt>Time to answer</dt><dd>Counted from when a user would have asked, not from when the request could be sent. If the target stops for a second, everyone who came in that second waited, and they all count.</dd>
<dt>99 of 100</dt><dd>The 99th percentile (p99): one answer in a hundred took longer. Averages hide these; users do not.</dd>
<dt>Open and closed</dt><dd>Open: users come at a rate, whatever the target does, as on the internet. Closed: a fixed number of users who wait for each answer, so a slow target gets less to do.</dd>
<dt>–</dt><dd>Too few requests to say. A percentile is shown only when at least ten answers lie beyond it.</dd>
</dl>`;
}

function table(columns: readonly string[], rows: readonly (readonly string[])[], withHead = true): string {
  const header = withHead ? `<thead><tr>${columns.map((name) => cell('th', name)).join('')}</tr></thead>` : '';
  const body = rows.map((row) => `<tr>${row.map((text) => cell('td', text)).join('')}</tr>`);
  return `<div class="sheet" tabindex="0" role="group" aria-label="${columns.filter(Boolean).join(', ').replaceAll(WORDS, '') || 'figures'}"><table>${header}<tbody>${body.join('')}</tbody></table></div>`;
}

function cell(tag: 'td' | 'th', text: string): string {
  return `<${tag}${text.startsWith(WORDS) ? ' class="words"' : ''}>${text}</${tag}>`;
}

/** A threshold's value in its metric's unit: a time, a share, or a number. */
function measuredAs(subject: string, expression: string, value: number | undefined): string {
  if (value === undefined) return 'not measured';
  if (/^(latency|service|lag)\b/.test(subject)) return time(value);
  return /^(errors|checks)\b/.test(subject) && expression.startsWith('rate') ? percent(value) : amount(value);
}

/** Seconds as `45s` or `2:05`. */
function clock(seconds: number): string {
  if (seconds < 120) return `${Number(seconds.toFixed(2))}s`;
  return `${Math.floor(seconds / 60)}:${String(Math.round(seconds % 60)).padStart(2, '0')}`;
}
