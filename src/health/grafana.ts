import type { Objective } from './objectives.ts';
import { allIn, badIn } from './prometheus-rules.ts';

interface Target {
  readonly expr: string;
  readonly legend: string;
}

const REQUESTS = 'spillway_http_requests_total';
const DURATION = 'spillway_http_request_duration_seconds_bucket';
const HOUR_S = 3600;
const PAGES = 'spillway_page_requests_total';

/** The dashboard's charts as a Grafana board (JSON model, schema 39), for those who keep months of data in Prometheus. */
export function grafanaBoard(service: string, objectives: readonly Objective[]): unknown {
  const panels = [
    panel('Requests by status', 'reqps', [
      { expr: `sum by (status) (rate(${REQUESTS}[$__rate_interval]))`, legend: '{{status}}' },
    ]),
    panel(
      'Response time',
      's',
      [0.5, 0.95, 0.99].map((q) => ({
        expr: `histogram_quantile(${q}, sum by (le) (rate(${DURATION}[$__rate_interval])))`,
        legend: `p${q * 100}`,
      })),
    ),
    panel('Event loop utilisation', 'percentunit', [{ expr: 'nodejs_eventloop_utilization_ratio', legend: '{{worker}}' }]),
    panel('Memory', 'bytes', [
      { expr: 'process_resident_memory_bytes', legend: 'resident {{worker}}' },
      { expr: 'v8js_memory_live_bytes', legend: 'live {{worker}}' },
    ]),
    panel('p95 by class', 's', [
      { expr: `histogram_quantile(0.95, sum by (le, class) (rate(${DURATION}[$__rate_interval])))`, legend: '{{class}}' },
    ]),
    panel('Page hit ratio by class', 'percentunit', [
      {
        expr: `sum by (class) (rate(${PAGES}{result=~"hit|stale"}[$__rate_interval])) / sum by (class) (rate(${PAGES}{result=~"hit|stale|miss"}[$__rate_interval]))`,
        legend: '{{class}}',
      },
    ]),
    panel('Refused', 'reqps', [
      {
        expr: 'sum by (policy) (rate(spillway_limit_decisions_total{outcome="refused"}[$__rate_interval]))',
        legend: 'limit {{policy}}',
      },
      { expr: 'sum by (class) (rate(spillway_shed_refused_total[$__rate_interval]))', legend: 'shed {{class}}' },
    ]),
    panel('Endpoints', 'short', [
      { expr: 'sum by (upstream) (spillway_balance_up)', legend: 'up {{upstream}}' },
      { expr: 'sum by (upstream) (rate(spillway_balance_failures_total[$__rate_interval]))', legend: 'failures/s {{upstream}}' },
    ]),
    ...objectives.map(({ name, text }) => {
      const expr = `${badIn(HOUR_S)}{slo="${name}"} / ${allIn(HOUR_S)}{slo="${name}"}`;
      return panel(text, 'percentunit', [{ expr, legend: 'bad, 1 h' }]);
    }),
  ];
  return {
    title: `${service} (Spillway)`,
    uid: 'spillway',
    schemaVersion: 39,
    editable: true,
    refresh: '30s',
    time: { from: 'now-6h', to: 'now' },
    templating: { list: [{ name: 'datasource', type: 'datasource', query: 'prometheus' }] },
    panels: panels.map((one, at) => ({
      ...one,
      id: at + 1,
      gridPos: { x: (at % 2) * 12, y: Math.floor(at / 2) * 8, w: 12, h: 8 },
    })),
  };
}

function panel(title: string, unit: string, targets: readonly Target[]) {
  const datasource = { type: 'prometheus', uid: '${datasource}' };
  return {
    type: 'timeseries',
    title,
    datasource,
    fieldConfig: { defaults: { unit, custom: { fillOpacity: 8 } }, overrides: [] },
    targets: targets.map(({ expr, legend }, at) => ({
      refId: String.fromCharCode(65 + at),
      datasource,
      expr,
      legendFormat: legend,
    })),
  };
}
