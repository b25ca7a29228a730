import type { Counter, Metrics } from '../kernel/index.ts';
import type { RoutePolicy } from '../policy/index.ts';

export interface PageSeries {
  readonly hits: Counter;
  readonly stale: Counter;
  readonly misses: Counter;
  readonly bypasses: Counter;
  readonly fills: Counter;
  readonly fillFailures: Counter;
}

/** What the page cache counts, per class of route; series are bound once per route. */
export class PageCounters {
  readonly #byRoute = new WeakMap<RoutePolicy, PageSeries>();
  readonly #byClass = new Map<string, PageSeries>();
  readonly #bind: (className: string) => PageSeries;
  readonly #filling: () => number;

  constructor(metrics: Metrics, filling: () => number) {
    const requests = metrics.counter({
      name: 'spillway_page_requests',
      help: 'Requests by how the page cache answered them.',
      labels: ['class', 'result'],
    });
    const fills = metrics.counter({
      name: 'spillway_page_fills',
      help: 'Pages fetched from the upstream for storing, by outcome.',
      labels: ['class', 'outcome'],
    });
    const filled = metrics.gauge({ name: 'spillway_page_filling', help: 'Pages being fetched now.' }).series();
    metrics.onCollect(() => filled.set(filling()));
    this.#filling = filling;
    this.#bind = (className) => ({
      hits: requests.series({ class: className, result: 'hit' }),
      stale: requests.series({ class: className, result: 'stale' }),
      misses: requests.series({ class: className, result: 'miss' }),
      bypasses: requests.series({ class: className, result: 'bypass' }),
      fills: fills.series({ class: className, outcome: 'stored' }),
      fillFailures: fills.series({ class: className, outcome: 'failed' }),
    });
  }

  of(route: RoutePolicy): PageSeries {
    const known = this.#byRoute.get(route);
    if (known) return known;
    let series = this.#byClass.get(route.className);
    if (!series) this.#byClass.set(route.className, (series = this.#bind(route.className)));
    this.#byRoute.set(route, series);
    return series;
  }

  stats() {
    const all = [...this.#byClass.values()];
    const sum = (pick: (series: PageSeries) => Counter): number => all.reduce((total, series) => total + pick(series).value, 0);
    return {
      hits: sum((series) => series.hits),
      stale: sum((series) => series.stale),
      misses: sum((series) => series.misses),
      bypasses: sum((series) => series.bypasses),
      fills: sum((series) => series.fills),
      fillFailures: sum((series) => series.fillFailures),
      filling: this.#filling(),
    };
  }
}
