import { messageOf, SpillwayError } from '../kernel/index.ts';
import { loadConfig, createPolicy } from '../policy/index.ts';
import type { CliContext } from './context.ts';

export interface AdminOptions {
  readonly config?: string;
  readonly admin?: string;
  readonly token?: string;
}

/** Talks to the admin listener of a running Spillway. */
export interface AdminClient {
  readonly url: string;
  /** @throws SpillwayError `SPILLWAY_UNREACHABLE`, `SPILLWAY_DENIED` or `SPILLWAY_REQUEST_FAILED`. */
  post(path: string, body: unknown): Promise<unknown>;
  /** @throws the same. */
  get(path: string): Promise<unknown>;
}

/** Where the admin listener is, and the token it wants: from the command line, the environment, or the config. */
export async function adminClient(context: CliContext, options: AdminOptions): Promise<AdminClient> {
  const { url, token } = await adminAddress(context, options);
  const ask = async (path: string, body: unknown): Promise<unknown> => {
    const answer = await send(context, new URL(path, url), token, body);
    const text = await answer.text();
    if (answer.status === 401)
      throw new SpillwayError(
        'SPILLWAY_DENIED',
        token === undefined
          ? `${url} wants a token. Pass --token, or set SPILLWAY_TOKEN.`
          : `${url} refuses this token. Compare it with admin.token of the running config.`,
      );
    if (!answer.ok) throw new SpillwayError('SPILLWAY_REQUEST_FAILED', `${url} answered ${answer.status}: ${detailOf(text)}`);
    return parseJson(text);
  };
  return { url, post: ask, get: (path) => ask(path, undefined) };
}

async function adminAddress(context: CliContext, options: AdminOptions): Promise<{ url: string; token: string | undefined }> {
  const given = options.token ?? context.env['SPILLWAY_TOKEN'];
  if (options.admin !== undefined && given !== undefined) return { url: options.admin, token: given };
  const loaded = await loadConfig(context.cwd, options.config);
  const { admin } = createPolicy(
    loaded?.config ?? {},
    loaded ? { file: loaded.file, sourceLines: loaded.sourceLines } : {},
  ).config;
  return { url: options.admin ?? urlOf(admin.host, admin.port), token: given ?? admin.token };
}

/** How to reach a listener from this machine. */
export function urlOf(host: string, port: number): string {
  const reachable = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host;
  return `http://${reachable.includes(':') ? `[${reachable}]` : reachable}:${port}`;
}

/** A POST of `body`, or a GET when there is none. */
async function send(context: CliContext, url: URL, token: string | undefined, body: unknown): Promise<Response> {
  const authorization: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` };
  try {
    // The admin listener takes the header as a sign that no web page of another site is asking.
    const headers = { 'content-type': 'application/json', 'spillway-admin': '1', ...authorization };
    const asking = body === undefined ? { method: 'GET' } : { method: 'POST', body: JSON.stringify(body) };
    return await context.fetch(url, { ...asking, headers, signal: context.stop });
  } catch (error) {
    if (context.stop.aborted) throw error;
    const cause = error instanceof Error && error.cause !== undefined ? messageOf(error.cause) : messageOf(error);
    throw new SpillwayError('SPILLWAY_UNREACHABLE', `No Spillway answers on ${url.origin} (${cause}). Is it running?`, {
      cause: error,
    });
  }
}

/** The sentence of a problem document (RFC 9457), or the text as it is. */
function detailOf(text: string): string {
  const problem = parseJson(text) as { detail?: unknown; title?: unknown } | undefined;
  return String(problem?.detail ?? problem?.title ?? text.slice(0, 200));
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
