const NAMES = ['authentication', 'tasks', 'analytics', 'realtime'] as const;

/** A load that comes with Spillway. */
export type StandardLoad = (typeof NAMES)[number];

/** The loads that come with Spillway, by name: the address of a load file each, for `--target` to point somewhere. */
export const STANDARD_LOADS: Readonly<Record<StandardLoad, string>> = Object.fromEntries(
  NAMES.map((name) => [name, new URL(`./${name}${import.meta.url.slice(-3)}`, import.meta.url).href]),
) as Record<StandardLoad, string>;
