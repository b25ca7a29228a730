/** `Astro.locals.spillway`: what a page, or a component in it, says of itself. */
export interface SpillwayLocals {
  /** What the page depends on; those of its route are in it. `Astro.cache.set({ tags })` adds to the same. */
  readonly tags: Set<string>;
  /** The class whose times apply; that of the route unless the page says otherwise. */
  class: string | undefined;
  /** False: no cache may keep this answer. */
  store: boolean;
}
