import { request } from 'undici';
import type { Probe } from './health-checks.ts';

/** How much of an answer is looked at for the expected text. */
const MOST_BYTES = 64 * 1024;

/** A GET of the health path; wrong when the status, or the body, is not as expected. */
export const httpProbe: Probe = async (endpoint, settings, signal) => {
  const { statusCode, body } = await request(new URL(settings.path, endpoint.url), {
    signal,
    headers: { 'user-agent': 'spillway-health', ...(settings.host && { host: settings.host }) },
    reset: true,
  });
  let text = '';
  for await (const chunk of body) {
    text += String(chunk);
    if (text.length > MOST_BYTES) break;
  }
  if (!settings.status.includes(statusCode)) return `answered ${statusCode}`;
  if (settings.body !== undefined && !text.includes(settings.body)) return `the answer does not hold '${settings.body}'`;
  return undefined;
};
