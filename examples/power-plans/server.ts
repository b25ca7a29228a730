import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { problem, type Answer } from './answer.ts';
import { failurePage } from './pages/errors.ts';
import { route } from './router.ts';
import type { Site } from './site.ts';

const MAX_BODY_BYTES = 16 * 1024;
const KEEP_ALIVE_MS = 65_000;

/** The site as an HTTP server; it does not listen yet. */
export function createSiteServer(site: Site): Server {
  // Longer than those in front keep an idle connection, so that it is never they who find it closed.
  return createServer({ keepAliveTimeout: KEEP_ALIVE_MS }, (request, response) => {
    void answer(site, request).then(
      (result) => send(response, result),
      () => response.destroy(),
    );
  });
}

async function answer(site: Site, request: IncomingMessage): Promise<Answer> {
  const body = await readBody(request);
  if (body === undefined) return problem(413, 'Content Too Large', `A request's body may have ${MAX_BODY_BYTES} bytes.`);
  try {
    return await route(site, { method: request.method ?? 'GET', target: request.url ?? '/', headers: request.headers, body });
  } catch (error) {
    console.error(`${request.method} ${request.url} failed:`, error);
    return request.url?.startsWith('/api/') ? problem(500, 'Internal Server Error', 'Please try again.') : failurePage(site);
  }
}

/** The body as text; undefined when it is too large. */
async function readBody(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes <= MAX_BODY_BYTES) chunks.push(chunk);
  }
  return bytes > MAX_BODY_BYTES ? undefined : Buffer.concat(chunks).toString('utf8');
}

const SECURITY_HEADERS = {
  'content-security-policy': `default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'`,
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'strict-origin-when-cross-origin',
};

function send(response: ServerResponse, answered: Answer): void {
  response.writeHead(answered.status, {
    'content-type': answered.type,
    'content-length': Buffer.byteLength(answered.body),
    'cache-control': answered.cacheControl,
    ...(answered.tags && { 'cache-tag': answered.tags.join(', ') }),
    ...SECURITY_HEADERS,
    ...answered.headers,
  });
  response.end(answered.body);
}
