import type { PageCachePolicy, RoutePolicy } from '../policy/index.ts';
import type { Exchange, Upstream } from '../ports/index.ts';
import type { PageAddress } from './key.ts';
import type { RequestControl, RequestFacts } from './request.ts';
import type { ForwardReason } from './cache-status.ts';

/** One client's request for a page that may be stored. */
export interface Visit {
  readonly exchange: Exchange;
  readonly upstream: Upstream;
  readonly policy: PageCachePolicy;
  readonly facts: RequestFacts;
  readonly control: RequestControl | undefined;
  readonly address: PageAddress;
  /** Key of the URL, before the origin's `Vary`. */
  readonly primary: string;
  /** Why the cache alone could not answer; for `Cache-Status`. */
  reason: ForwardReason;
}

/** What to fetch for a page, for a client or by ourselves. */
export interface FillTarget {
  readonly route: RoutePolicy;
  readonly policy: PageCachePolicy;
  readonly address: PageAddress;
  readonly primary: string;
  /** Request fields by which the origin's `Vary` selects: names in any case and values. */
  readonly selecting: readonly string[];
  /** Request fields as sent to the upstream. */
  readonly fields: readonly string[];
  /** Tags the route gives. */
  readonly tags: readonly string[];
  readonly hasAuthorization: boolean;
  /** Cookies beyond those of the key were sent along. */
  readonly hasCookie: boolean;
  readonly requestNoStore: boolean;
  readonly clientIp: string | undefined;
}
