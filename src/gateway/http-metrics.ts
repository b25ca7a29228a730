import type { Counter, Family, Gauge, Metrics, Timing } from '../kernel/index.ts';

const STATUS_CLASSES = ['1xx', '2xx', '3xx', '4xx', '5xx'] as const;

/** What is counted of the requests of one route class. */
export interface ClassMetrics {
  readonly byStatus: readonly Counter[];
  readonly duration: Timing;
  readonly inFlight: Gauge;
  /** Requests whose client went away before the answer was complete. */
  readonly aborted: Counter;
  /** Answers from prepared bytes. */
  readonly fast: Counter;
}

/** The gateway's own metrics, by route class. */
export class HttpMetrics {
  readonly connections: Gauge;
  readonly #refused: Family<Counter>;
  readonly #requests: Family<Counter>;
  readonly #duration: Family<Timing>;
  readonly #inFlight: Family<Gauge>;
  readonly #aborted: Family<Counter>;
  readonly #fast: Family<Counter>;
  /** Connections that left the fast path. */
  readonly handedOver: Counter;
  readonly #classes = new Map<string, ClassMetrics>();

  constructor(metrics: Metrics) {
    const labels = ['class'];
    this.connections = metrics.gauge({ name: 'spillway_http_connections', help: 'Open client connections.' }).series();
    this.#refused = metrics.counter({
      name: 'spillway_http_refused',
      help: 'Requests the gateway answered itself, before any route.',
      labels: ['status'],
    });
    this.#requests = metrics.counter({
      name: 'spillway_http_requests',
      help: 'Requests answered, by class of route and of status.',
      labels: ['class', 'status'],
    });
    this.#duration = metrics.timing({
      name: 'spillway_http_request_duration_seconds',
      help: "From the request's head to the answer's last byte.",
      unit: 'seconds',
      labels,
    });
    this.#inFlight = metrics.gauge({ name: 'spillway_http_in_flight', help: 'Requests being answered.', labels });
    this.#aborted = metrics.counter({
      name: 'spillway_http_aborted',
      help: 'Requests whose client went away before the answer was complete.',
      labels,
    });
    this.#fast = metrics.counter({
      name: 'spillway_http_fast_answers',
      help: 'Requests answered from prepared bytes, without the HTTP server.',
      labels,
    });
    this.handedOver = metrics
      .counter({ name: 'spillway_http_fast_handovers', help: 'Connections the fast path gave to the HTTP server.' })
      .series();
  }

  ofClass(name: string): ClassMetrics {
    let metrics = this.#classes.get(name);
    if (!metrics) {
      const labels = { class: name };
      metrics = {
        byStatus: STATUS_CLASSES.map((status) => this.#requests.series({ ...labels, status })),
        duration: this.#duration.series(labels),
        inFlight: this.#inFlight.series(labels),
        aborted: this.#aborted.series(labels),
        fast: this.#fast.series(labels),
      };
      this.#classes.set(name, metrics);
    }
    return metrics;
  }

  refused(status: number): void {
    this.#refused.series({ status: String(status) }).inc();
  }
}
