import { Events } from '../kernel/index.ts';

/** What is wrong, for looking up and for switching a warning off. */
export type MisconfigurationCode =
  | 'proxyNotTrusted'
  | 'everyoneTrusted'
  | 'noAddress'
  | 'limiterPerRequest'
  | 'countedTwice'
  | 'unverifiedApiKey'
  | 'sharedScope';

export interface CheckEvents {
  misconfigured: { readonly code: MisconfigurationCode; readonly message: string };
}

const MESSAGES: Record<MisconfigurationCode, string> = {
  proxyNotTrusted:
    'A request carries X-Forwarded-For, but no proxy is trusted: all clients behind the proxy share one limit. Set trustProxy to the addresses of your proxies, or remove the header at the edge.',
  everyoneTrusted:
    'trustProxy trusts every address: any client can choose the address it is counted under. Name the addresses of your proxies instead.',
  noAddress:
    'A request has no client address, so a limit by address does not apply to it. Pass the address, or give a keyGenerator.',
  limiterPerRequest:
    'Limiters are being created again and again; each counts from zero. Create a limiter once, outside request handlers.',
  countedTwice: 'A request was counted twice by the same limiter. Mount the middleware once on its way.',
  unverifiedApiKey:
    'A limit goes by an API key taken from a request header as it is: a client that invents keys is never limited. Add a limit by address, or give `identify` that checks the key.',
  sharedScope:
    'Two limiters with different limits count under the same scope of one store, so each refuses because of the other. Give them scopes of their own.',
};

const MANY_LIMITERS = 200;
const WITHIN_MS = 60_000;

/**
 * Catches wrong set-ups while the program runs, says so once each as a process warning, and goes on. Limits that are
 * counted wrongly otherwise fail in silence.
 */
export class MisconfigurationChecks {
  readonly events = new Events<CheckEvents>();
  readonly #said = new Set<MisconfigurationCode>();
  readonly #scopes = new WeakMap<object, Map<string, string>>();
  #createdInPeriod = 0;
  #periodEndsMs = 0;

  /** Says what is wrong, unless it was said before. */
  warn(code: MisconfigurationCode): void {
    if (this.#said.has(code)) return;
    this.#said.add(code);
    const message = MESSAGES[code];
    this.events.emit('misconfigured', { code, message });
    process.emitWarning(message, {
      type: 'SpillwayWarning',
      code: `SPILLWAY_LIMIT_${code.replaceAll(/[A-Z]/g, '_$&').toUpperCase()}`,
    });
  }

  limiterCreated(nowMs: number): void {
    if (nowMs >= this.#periodEndsMs) {
      this.#periodEndsMs = nowMs + WITHIN_MS;
      this.#createdInPeriod = 0;
    }
    if (++this.#createdInPeriod > MANY_LIMITERS) this.warn('limiterPerRequest');
  }

  /** @param limits what the limiter's limits are, in words that differ when the limits do. */
  scopeUsed(store: object, scope: string, limits: string): void {
    let scopes = this.#scopes.get(store);
    if (!scopes) this.#scopes.set(store, (scopes = new Map()));
    const before = scopes.get(scope);
    if (before !== undefined && before !== limits) this.warn('sharedScope');
    scopes.set(scope, limits);
  }
}

/** One for the process: a set-up is wrong as a whole. */
export const misconfigurations = new MisconfigurationChecks();
