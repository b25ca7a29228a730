import { SpillwayError } from '../kernel/index.ts';
import type { Upstream } from '../ports/index.ts';
import type { AdmissionRequest, Shedder } from './shed.ts';

/**
 * The upstream as a page sees it for what is `asked`: what the shedder refuses fails with `SPILLWAY_SHED`, and the page cache
 * answers as it does for any upstream that fails: with a stale page where there is one.
 */
export function shedOnMiss(shedder: Shedder, upstream: Upstream, asked: AdmissionRequest): Upstream {
  return {
    dispatch(request, receiver) {
      const admission = shedder.admit(asked);
      if (admission.admitted) return upstream.dispatch(request, receiver);
      const { reason, retryAfterMs } = admission;
      const error = new SpillwayError('SPILLWAY_SHED', `refused because of load (${reason})`, { retryAfterMs });
      // Not before dispatch has returned: the caller has not seen the exchange yet.
      queueMicrotask(() => receiver.onError(error));
      return { resume: () => {}, abort: () => {} };
    },
  };
}
