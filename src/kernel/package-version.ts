import { readFileSync } from 'node:fs';

/** Spillway's own version: its manifest is two folders up from here, in the sources as in the package. */
export function packageVersion(): string {
  const manifest = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string };
  return manifest.version;
}
