import type { Counter, Family, Gauge, Metrics, Timing } from '../kernel/index.ts';
import type { RoutePolicy } from '../policy/index.ts';

const STATUS_CLASSES = ['1xx', '2xx', '3xx', '4xx', '5xx'] as const;

/** What is counted of the requests of one route class. */
interface ClassMetrics {
  readonly byStatus: readonly Counter[];
  readonly duration: Timing;
  readonly inFlight: Gauge;
  readonly aborted: Counter;
  readonly timedOut: Counter;
  readonly fast: Counter;
}

/** What is counted of the requests of one route. */
export class RouteMetrics {
  readonly inFlight: Gauge;
  /** Requests whose client went away before the answer was complete. */
  readonly aborted: Counter;
  /** Answers from prepared bytes. */
  readonly fast: Counter;
  readonly #ofClass: ClassMetrics;
  readonly #durations: Family<Timing>;
  readonly #route: string;
  readonly #byMethod = new Map<string, Timing>();

  constructor(ofClass: ClassMetrics, durations: Family<Timing>, route: string) {
    this.inFlight = ofClass.inFlight;
    this.aborted = ofClass.aborted;
    this.fast = ofClass.fast;
    this.#ofClass = ofClass;
    this.#durations = durations;
    this.#route = route;
  }

  /** A request was answered to the end. */
  answered(method: string, status: number, durationMs: number): void {
    const { byStatus, duration, timedOut } = this.#ofClass;
    byStatus[((status / 100) | 0) - 1]?.inc();
    if (status === 504) timedOut.inc();
    duration.observe(durationMs);
    (this.#byMethod.get(method) ?? this.#bind(method)).observe(durationMs);
  }

  #bind(method: string): Timing {
    const timing = this.#durations.series({ route: this.#route, method });
    this.#byMethod.set(method, timing);
    return timing;
  }
}

/** The gateway's own metrics, by route and by its class. */
export class HttpMetrics {
  readonly connections: Gauge;
  readonly #refused: Family<Counter>;
  readonly #requests: Family<Counter>;
  readonly #duration: Family<Timing>;
  readonly #inFlight: Family<Gauge>;
  readonly #routeDuration: Family<Timing>;
  readonly #aborted: Family<Counter>;
  readonly #timeouts: Family<Counter>;
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
    this.#routeDuration = metrics.timing({
      name: 'spillway_http_route_duration_seconds',
      help: 'The same by the pattern of the route and the method.',
      unit: 'seconds',
      labels: ['route', 'method'],
    });
    this.#inFlight = metrics.gauge({ name: 'spillway_http_in_flight', help: 'Requests being answered.', labels });
    this.#aborted = metrics.counter({
      name: 'spillway_http_aborted',
      help: 'Requests whose client went away before the answer was complete.',
      labels,
    });
    this.#timeouts = metrics.counter({
      name: 'spillway_http_timeouts',
      help: 'Requests answered 504: what was asked did not answer in time.',
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

  ofRoute({ className, pattern }: RoutePolicy): RouteMetrics {
    return new RouteMetrics(this.#ofClass(className), this.#routeDuration, pattern);
  }

  #ofClass(name: string): ClassMetrics {
    let metrics = this.#classes.get(name);
    if (!metrics) {
      const labels = { class: name };
      metrics = {
        byStatus: STATUS_CLASSES.map((status) => this.#requests.series({ ...labels, status })),
        duration: this.#duration.series(labels),
        inFlight: this.#inFlight.series(labels),
        aborted: this.#aborted.series(labels),
        timedOut: this.#timeouts.series(labels),
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
