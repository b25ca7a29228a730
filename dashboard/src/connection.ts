import type { StreamMessage } from '../../src/health/overview.ts';

/** What the page is told about its connection. */
export interface Listener {
  onMoment(message: StreamMessage): void;
  /** The listener asks for a token, or refuses the one it got. */
  onTokenNeeded(wrong: boolean): void;
  onLost(): void;
}

/** Kept for this tab only; closing it forgets the token. */
const TOKEN_KEY = 'spillway-admin-token';

export function setToken(token: string): void {
  sessionStorage.setItem(TOKEN_KEY, token);
}

function headers(): Record<string, string> {
  const token = sessionStorage.getItem(TOKEN_KEY);
  return { 'spillway-admin': '1', ...(token ? { authorization: `Bearer ${token}` } : {}) };
}

export class Refused extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

export async function getJson<T>(path: string): Promise<T> {
  const response = await fetch(path, { headers: headers() });
  if (!response.ok) throw new Refused(response.status, await problemOf(response));
  return (await response.json()) as T;
}

export async function postJson<T>(path: string, body: unknown): Promise<T> {
  const init = { method: 'POST', headers: { ...headers(), 'content-type': 'application/json' }, body: JSON.stringify(body) };
  const response = await fetch(path, init);
  if (!response.ok) throw new Refused(response.status, await problemOf(response));
  return (await response.json()) as T;
}

async function problemOf(response: Response): Promise<string> {
  const problem = (await response.json().catch(() => ({}))) as { detail?: string };
  return problem.detail ?? `the listener answered ${response.status}`;
}

/**
 * Follows the event stream for as long as the page lives. `fetch` rather than EventSource, because that cannot send a
 * token in a header.
 */
export async function follow(listener: Listener, signal: AbortSignal): Promise<void> {
  let lastId = '';
  let waitMs = 500;
  while (!signal.aborted) {
    try {
      const response = await fetch('events', {
        headers: { ...headers(), ...(lastId ? { 'last-event-id': lastId } : {}) },
        signal,
      });
      if (response.status === 401) {
        listener.onTokenNeeded(sessionStorage.getItem(TOKEN_KEY) !== null);
        return;
      }
      if (!response.ok || !response.body) throw new Error(String(response.status));
      for await (const event of eventsIn(response.body)) {
        if (event.id) lastId = event.id;
        listener.onMoment(JSON.parse(event.data) as StreamMessage);
        waitMs = 500;
      }
    } catch {
      if (signal.aborted) return;
    }
    listener.onLost();
    await new Promise((resolve) => setTimeout(resolve, waitMs));
    waitMs = Math.min(5000, waitMs * 1.5);
  }
}

async function* eventsIn(body: ReadableStream<Uint8Array>): AsyncGenerator<{ id: string; data: string }> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let buffer = '';
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    buffer += decoder.decode(value, { stream: true });
    for (let end = buffer.indexOf('\n\n'); end !== -1; end = buffer.indexOf('\n\n')) {
      const lines = buffer.slice(0, end).split('\n');
      buffer = buffer.slice(end + 2);
      const field = (name: string): string => lines.find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2) ?? '';
      const data = field('data');
      if (data) yield { id: field('id'), data };
    }
  }
}
