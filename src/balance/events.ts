import type { Endpoint } from './endpoint.ts';

export interface BalanceEvents {
  /** An endpoint failed too many real requests and gets none for a while. */
  ejected: { readonly endpoint: Endpoint; readonly forMs: number; readonly why: 'consecutiveFailures' | 'successRate' };
  /** An ejection ended: the endpoint gets requests again. */
  returned: { readonly endpoint: Endpoint };
  /** An endpoint failed its health checks. `reason`: what the last one found. */
  down: { readonly endpoint: Endpoint; readonly reason: string };
  /** An endpoint passed its health checks again. */
  up: { readonly endpoint: Endpoint };
  /** An endpoint takes no new requests; those it has are finished. */
  draining: { readonly endpoint: Endpoint };
  /** An endpoint that was drained is in use again. */
  resumed: { readonly endpoint: Endpoint };
  added: { readonly endpoint: Endpoint };
  /** An endpoint was taken out and has finished its requests. */
  removed: { readonly endpoint: Endpoint };
}
