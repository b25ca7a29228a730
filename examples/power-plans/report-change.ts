import type { Change } from './site.ts';

const TIMEOUT_MS = 3000;

/**
 * Tells Spillway that data changed: `POST /changes` on its admin listener.
 * @param token the listener's bearer token, when it has one.
 */
export function changeReporter(adminUrl: string, token?: string): (change: Change) => Promise<void> {
  return async (change) => {
    const response = await fetch(new URL('/changes', adminUrl), {
      method: 'POST',
      // A header no page of another site can send stands in for the token on this machine.
      headers: { 'content-type': 'application/json', 'spillway-admin': '1', ...(token && { authorization: `Bearer ${token}` }) },
      body: JSON.stringify(change),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`Spillway answered ${response.status}: ${text.slice(0, 200)}`);
  };
}
