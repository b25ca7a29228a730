import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Clock } from '../kernel/index.ts';
import { isLoopback, type AdminSettings } from './admin-options.ts';
import { Pace } from './pace.ts';

/** The header that a page of another site cannot send without asking first, and we never say yes. */
export const CONTROL_HEADER = 'spillway-admin';

/** Why a caller is turned away. */
export interface Refusal {
  readonly status: 401 | 403 | 415 | 421 | 429;
  readonly title: string;
  readonly detail: string;
}

/** Decides who may see and who may act. Every check is on the request's own headers: there is no session and no cookie. */
export class AdminGuard {
  readonly #settings: AdminSettings;
  readonly #tokenDigest: Buffer | undefined;
  readonly #reads: Pace;
  readonly #controls: Pace;
  readonly #failures: Pace;

  constructor(settings: AdminSettings, clock: Clock) {
    this.#settings = settings;
    this.#tokenDigest = settings.token === undefined ? undefined : digest(settings.token);
    this.#reads = new Pace(clock, 50, 200);
    this.#controls = new Pace(clock, 5, 20);
    this.#failures = new Pace(clock, 0.2, 10);
  }

  /** Whether a caller must present a token. */
  get asksForToken(): boolean {
    return this.#tokenDigest !== undefined;
  }

  /** Any request: the host it names, and how often it comes. Probes pass even without a token. */
  admit(request: IncomingMessage): Refusal | undefined {
    if (!this.#knowsHost(request.headers.host)) {
      return {
        status: 421,
        title: 'Unknown host',
        detail: `This listener answers to localhost. To call it by another name, add that name to admin.allowedHosts.`,
      };
    }
    return this.#reads.take(callerOf(request)) ? undefined : tooOften();
  }

  /** Seeing status, metrics, history. */
  refuseReading(request: IncomingMessage): Refusal | undefined {
    if (!this.#tokenDigest) return undefined;
    const caller = callerOf(request);
    if (!this.#failures.allows(caller)) return tooOften();
    if (this.#presentsToken(request)) return undefined;
    if (request.headers.authorization !== undefined) this.#failures.take(caller);
    return { status: 401, title: 'Token needed', detail: 'Send the admin token: Authorization: Bearer <token>.' };
  }

  /** Changing something: never from another site's page, whatever the browser sends along. */
  refuseControl(request: IncomingMessage): Refusal | undefined {
    const refusal = this.refuseReading(request);
    if (refusal) return refusal;
    if (!this.#controls.take(callerOf(request))) return tooOften();
    const { headers } = request;
    if (!/^application\/json\b/i.test(headers['content-type'] ?? '')) {
      return { status: 415, title: 'JSON needed', detail: 'Send the request with Content-Type: application/json.' };
    }
    if (
      headers.origin !== undefined &&
      headers.origin !== `http://${headers.host}` &&
      headers.origin !== `https://${headers.host}`
    )
      return { status: 403, title: 'Foreign origin', detail: 'Control requests are accepted from the dashboard itself only.' };
    if (headers['sec-fetch-site'] !== undefined && !/^(?:same-origin|none)$/.test(String(headers['sec-fetch-site'])))
      return { status: 403, title: 'Foreign origin', detail: 'Control requests are accepted from the dashboard itself only.' };
    if (!this.#presentsToken(request) && headers[CONTROL_HEADER] === undefined)
      return { status: 403, title: 'Header needed', detail: `Send the header ${CONTROL_HEADER}: 1, or a token.` };
    return undefined;
  }

  #presentsToken(request: IncomingMessage): boolean {
    if (!this.#tokenDigest) return false;
    const presented = /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? '')?.[1];
    // Digests have one length, so that comparing tells nothing of the token's.
    return presented !== undefined && timingSafeEqual(digest(presented), this.#tokenDigest);
  }

  /** A page that rebinds its own name to 127.0.0.1 still names itself in Host. */
  #knowsHost(host: string | undefined): boolean {
    if (!isLoopback(this.#settings.host)) return true;
    const name = (host ?? '').replace(/:\d+$/, '').toLowerCase();
    return isLoopback(name) || this.#settings.allowedHosts.includes(name);
  }
}

/** Whom an audit entry names: the address, as no one has a name here. */
export function callerOf(request: IncomingMessage): string {
  return request.socket.remoteAddress ?? 'unknown';
}

function digest(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}

function tooOften(): Refusal {
  return { status: 429, title: 'Too many requests', detail: 'Wait a moment and try again.' };
}
