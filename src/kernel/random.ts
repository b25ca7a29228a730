/** Chance, as every part of Spillway sees it: nothing else in `src/` calls `Math.random`, so a seed replays a run. */
export interface Random {
  /** A number in [0, 1). */
  next(): number;
}

/** The machine's randomness. Not for secrets: use `node:crypto` there. */
export const systemRandom: Random = { next: () => Math.random() };

/** A generator whose whole sequence follows from `seed` (sfc32 by Chris Doty-Humphrey, seeded through splitmix32). */
export function seededRandom(seed: number): Random {
  let mix = seed | 0;
  const word = (): number => {
    mix = (mix + 0x9e3779b9) | 0;
    let z = mix;
    z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
    return z ^ (z >>> 15);
  };
  let [a, b, c, counter] = [word(), word(), word(), 1];
  return {
    next: () => {
      const t = (((a + b) | 0) + counter) | 0;
      counter = (counter + 1) | 0;
      a = b ^ (b >>> 9);
      b = (c + (c << 3)) | 0;
      c = (c << 21) | (c >>> 11);
      c = (c + t) | 0;
      return (t >>> 0) / 2 ** 32;
    },
  };
}

/** A whole number in [0, bound). */
export function randomInt(random: Random, bound: number): number {
  return Math.floor(random.next() * bound);
}

/** `value` spread evenly over ± `share` (0.2: ± 20 %). */
export function jitter(random: Random, value: number, share: number): number {
  return value * (1 + share * (2 * random.next() - 1));
}

/** The delay before attempt `attempt` (0 first): exponential from `baseMs` up to `capMs`, spread over ± `share`. */
export function backoffMs(random: Random, attempt: number, baseMs: number, capMs: number, share = 0.2): number {
  return jitter(random, Math.min(capMs, baseMs * 2 ** attempt), share);
}
