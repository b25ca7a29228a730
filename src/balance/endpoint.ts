/** What an endpoint is made of. */
export interface EndpointSettings {
  /** Scheme, host and port: `http://127.0.0.1:3001`. */
  readonly url: string;
  /** Its share of requests, beside the others. */
  readonly weight: number;
  /** Used only while no other endpoint can be. */
  readonly backup: boolean;
}

/** Why an endpoint is, or is not, picked. */
export type EndpointState = 'up' | 'ejected' | 'down' | 'draining';

/** One place where an upstream runs, with what is known about it from its own answers. */
export class Endpoint {
  readonly url: string;
  readonly weight: number;
  readonly backup: boolean;
  state: EndpointState = 'up';
  /** Requests it is working on now. */
  inFlight = 0;
  picks = 0;
  failures = 0;
  consecutiveFailures = 0;
  /** How often it was ejected in a row: each ejection lasts longer than the one before. */
  ejections = 0;
  /** Monotonic ms at which an ejection ends. */
  ejectedUntilMs = 0;
  /** Monotonic ms at which it last came (back) into service. */
  upSinceMs = 0;

  constructor(settings: EndpointSettings) {
    this.url = settings.url;
    this.weight = settings.weight;
    this.backup = settings.backup;
  }
}
