import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Endpoint } from '../balance/index.ts';
import { cookieValue } from './cookies.ts';
import type { UpstreamSettings } from './options.ts';

type StickySettings = NonNullable<UpstreamSettings['sticky']>;

/**
 * Keeps a client at its endpoint by a signed cookie. The cookie names the endpoint by a digest, so it tells nothing of
 * addresses, and stays true while endpoints come and go around it.
 */
export class StickyCookies {
  readonly #settings: StickySettings;
  readonly #names = new WeakMap<Endpoint, string>();

  constructor(settings: StickySettings) {
    this.#settings = settings;
  }

  /** The endpoint a `Cookie` field names, when it is one of these and the signature holds. */
  read(cookie: string | undefined, endpoints: readonly Endpoint[]): Endpoint | undefined {
    const value = cookieValue(cookie, this.#settings.cookie);
    if (value === undefined) return undefined;
    return endpoints.find((endpoint) => sameText(this.#nameOf(endpoint), value));
  }

  /** A `Set-Cookie` field for this endpoint. */
  issue(endpoint: Endpoint, scheme: 'http' | 'https'): string {
    const { cookie, ttlMs } = this.#settings;
    const secure = scheme === 'https' ? '; Secure' : '';
    return `${cookie}=${this.#nameOf(endpoint)}; Path=/; Max-Age=${Math.floor(ttlMs / 1000)}; HttpOnly; SameSite=Lax${secure}`;
  }

  /** Nobody without the secret can make one up: the name is its own signature. */
  #nameOf(endpoint: Endpoint): string {
    let name = this.#names.get(endpoint);
    if (name === undefined) {
      name = createHmac('sha256', this.#settings.secret).update(endpoint.url).digest('base64url').slice(0, 22);
      this.#names.set(endpoint, name);
    }
    return name;
  }
}

function sameText(a: string, b: string): boolean {
  return a.length === b.length && timingSafeEqual(Buffer.from(a), Buffer.from(b));
}
