import type { Endpoint } from './endpoint.ts';

export interface BalanceEvents {
  /** An endpoint failed too often and gets no requests for a while. */
  ejected: { readonly endpoint: Endpoint; readonly forMs: number };
  /** An ejection ended: the endpoint gets requests again. */
  returned: { readonly endpoint: Endpoint };
  /** An endpoint takes no new requests; those it has are finished. */
  draining: { readonly endpoint: Endpoint };
}
