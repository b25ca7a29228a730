import { setTimeout as delay } from 'node:timers/promises';

const AT_ONCE = 8;
const ATTEMPTS = 5;
const WAIT_MS = 1000;

/** Asks for each path, so that the next visitor finds it stored. Gives how many came. */
export async function warm(siteUrl: string, paths: readonly string[]): Promise<number> {
  const left = paths.values();
  let warmed = 0;
  const work = async (): Promise<void> => {
    for (const path of left) if (await came(siteUrl + path)) warmed++;
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return warmed;
}

/** On a busy machine Spillway sets warming aside (503) for what is more urgent: wait a little, and ask again. */
async function came(url: string): Promise<boolean> {
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    const response = await fetch(url, { headers: { 'user-agent': 'spillway-warm' } });
    await response.arrayBuffer();
    if (response.status !== 503) return response.ok;
    await delay(WAIT_MS);
  }
  return false;
}
