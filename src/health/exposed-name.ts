import type { FamilySnapshot, MetricsSnapshot } from '../kernel/index.ts';

/** A metric's name as it is exposed: its unit last, whether or not the room wrote it there. */
export function exposedName(family: { readonly name: string; readonly unit?: string }): string {
  const { name, unit } = family;
  return unit === undefined || name.endsWith(`_${unit}`) ? name : `${name}_${unit}`;
}

/** The family of a snapshot that is exposed as `name`. */
export function familyIn(snapshot: MetricsSnapshot, name: string): FamilySnapshot | undefined {
  return snapshot.families.find((family) => exposedName(family) === name);
}
