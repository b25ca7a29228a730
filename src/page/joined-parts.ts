import { updatedFields } from './conditional.ts';
import { fieldValue, firstLine, withoutFields } from './fields.ts';
import type { Received } from './keeper.ts';
import { formatContentRange, heldRange } from './range.ts';
import type { PageData } from './stored-page.ts';

/**
 * A part that came in, joined to the stored one where both are of the same representation for certain and leave no gap
 * (RFC 9111 §3.4): a longer part, or the whole. Otherwise what came in as it is.
 */
export function joinedToStored(stored: PageData | undefined, came: Received, maxBytes: number): Received {
  const before = stored?.range;
  const range = heldRange(firstLine(came.fields, 'content-range'), came.body.length);
  if (stored === undefined || before === undefined || range === undefined) return came;
  const etag = fieldValue(came.fields, 'etag');
  const isSame = etag !== undefined && !etag.startsWith('W/') && etag === stored.etag && before.total === range.total;
  const touches = range.first <= before.last + 1 && before.first <= range.last + 1;
  const first = Math.min(range.first, before.first);
  const last = Math.max(range.last, before.last);
  if (!isSame || !touches || last - first >= maxBytes) return came;

  const body = Buffer.alloc(last - first + 1);
  stored.body.copy(body, before.first - first);
  came.body.copy(body, range.first - first);
  const fields = withoutFields(updatedFields(stored.fields, came.fields), DESCRIBES_PART);
  if (body.length === range.total) return { ...came, status: 200, fields, body };
  return { ...came, fields: [...fields, 'content-range', formatContentRange(first, last, range.total)], body };
}

const DESCRIBES_PART = new Set(['content-length', 'content-range']);
