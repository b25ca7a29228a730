import { STATUS_CODES } from 'node:http';
import type { OutgoingCacheHeaders } from '../policy/index.ts';
import { hitStatus } from './cache-status.ts';
import type { Encoding } from './encodings.ts';
import { type Fields, fieldValue, listMembers } from './fields.ts';
import { formatHttpDate } from './http-date.ts';
import type { AnswerForm, ReadyAnswer, StoredPage } from './stored-page.ts';

/** Fields that are written anew for each answer. */
const REPLACED = new Set(['etag', 'age', 'content-length', 'vary', 'date']);
/** Fields the class decides when it says anything about caching. */
const CACHING = new Set(['cache-control', 'expires', 'pragma', 'cdn-cache-control', 'surrogate-control']);
/** Kept in a 304; the rest describes a body that is not there. */
const KEPT_IN_304 = new Set([
  'cache-control',
  'cdn-cache-control',
  'content-location',
  'date',
  'etag',
  'expires',
  'vary',
  'age',
  'cache-status',
  'set-cookie',
  'last-modified',
]);

/** The stored fields as a client gets them, without those of {@link REPLACED}. */
export function outgoingFields(fields: Fields, headers: OutgoingCacheHeaders): string[] {
  const decided = headers.cacheControl !== undefined;
  const out: string[] = [];
  for (let at = 0; at < fields.length; at += 2) {
    const name = fields[at]!;
    if (!REPLACED.has(name) && !(decided && CACHING.has(name))) out.push(name, fields[at + 1]!);
  }
  if (headers.cacheControl !== undefined) out.push('cache-control', headers.cacheControl);
  if (headers.cdnCacheControl !== undefined) out.push('cdn-cache-control', headers.cdnCacheControl);
  if (headers.surrogateControl !== undefined) out.push('surrogate-control', headers.surrogateControl);
  return out;
}

/** `Vary` as sent: the origin's, and `Accept-Encoding` where the coding is chosen here. */
export function outgoingVary(fields: Fields, negotiated: boolean): string | undefined {
  const vary = fieldValue(fields, 'vary');
  if (!negotiated) return vary;
  const names = listMembers(vary ?? '');
  return names.some((name) => name.toLowerCase() === 'accept-encoding') ? vary : [...names, 'accept-encoding'].join(', ');
}

/** `"abc"` → `"abc-br"`: each coding is a representation of its own and needs a strong tag of its own. */
export function encodedEtag(etag: string | undefined, encoding: Encoding | undefined): string | undefined {
  if (etag === undefined || encoding === undefined) return etag;
  return etag.endsWith('"') ? `${etag.slice(0, -1)}-${encoding}"` : `${etag}-${encoding}`;
}

export function readyAnswer(page: StoredPage, encoding: Encoding | undefined, headers: OutgoingCacheHeaders): ReadyAnswer {
  const { data } = page;
  const body = encoding === undefined ? data.body : data.encoded[encoding]!;
  const etag = encodedEtag(data.etag, encoding);
  const fields = outgoingFields(data.fields, headers);
  const vary = outgoingVary(data.fields, data.negotiated);
  if (vary !== undefined) fields.push('vary', vary);
  if (etag !== undefined) fields.push('etag', etag);
  if (encoding !== undefined) fields.push('content-encoding', encoding);
  fields.push('date', fieldValue(data.fields, 'date') ?? formatHttpDate(data.receivedMs));
  if (data.status !== 204) fields.push('content-length', String(body.length));
  fields.push('age', '', 'cache-status', '');
  const notModifiedFields: string[] = [];
  for (let at = 0; at < fields.length; at += 2) {
    if (KEPT_IN_304.has(fields[at]!)) notModifiedFields.push(fields[at]!, fields[at + 1]!);
  }
  return {
    status: data.status,
    fields,
    notModifiedFields,
    etag,
    body,
    second: -1,
    heads: { whole: undefined, notModified: undefined },
    prepared: { whole: undefined, notModified: undefined },
  };
}

/** Makes `Age` and `Cache-Status` true for the second of `nowMs`. */
export function refreshAnswer(answer: ReadyAnswer, page: StoredPage, name: string, nowMs: number, freshUntilMs: number): void {
  const second = Math.floor(nowMs / 1000);
  if (answer.second === second) return;
  answer.second = second;
  const age = String(Math.floor(page.ageMs(nowMs) / 1000));
  const status = hitStatus(name, Math.ceil((freshUntilMs - nowMs) / 1000));
  setLast(answer.fields, age, status);
  setLast(answer.notModifiedFields, age, status);
}

function setLast(fields: string[], age: string, status: string): void {
  fields[fields.length - 3] = age;
  fields[fields.length - 1] = status;
}

/** The head as bytes, for writing to a socket as it is. */
export function headBytes(answer: ReadyAnswer, form: AnswerForm): Buffer {
  const ready = answer.heads[form];
  if (ready?.second === answer.second) return ready.bytes;
  const [status, fields] = form === 'whole' ? [answer.status, answer.fields] : [304, answer.notModifiedFields];
  let text = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n`;
  for (let at = 0; at < fields.length; at += 2) text += `${fields[at]}: ${fields[at + 1]}\r\n`;
  const bytes = Buffer.from(`${text}\r\n`, 'latin1');
  answer.heads[form] = { bytes, second: answer.second };
  return bytes;
}
