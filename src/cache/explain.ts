import type { Engine } from './engine.ts';
import { tagsOf } from './tag-names.ts';

/** Why a read would come out as it would; times in ms. */
export interface Explanation {
  /** The whole key, with its namespaces. */
  readonly key: string;
  readonly state: 'fresh' | 'stale' | 'absent';
  /** Where the value would come from. */
  readonly tier: 'memory' | 'store' | 'loader';
  /** A sentence for people. */
  readonly because: string;
  readonly entry?: {
    readonly ageMs: number;
    readonly freshForMs: number;
    readonly usableForMs: number;
    /** What the load took. */
    readonly loadMs: number;
    readonly bytes: number;
    readonly tags: readonly string[];
    /** Versions of key, namespaces and tags the value was made under. */
    readonly versions: readonly string[];
    /** Readers may have it loaded anew from this long before the end. */
    readonly refreshesEarlyByMs: number;
  };
  /** Whether this process is loading it, or waiting for another that does. */
  readonly loading: boolean;
  /** Whether its load failed and rests. */
  readonly resting: { readonly error: unknown; readonly forMs: number } | undefined;
  readonly storeAvailable: boolean | undefined;
}

/** Looks at memory and store without counting as a read. */
export async function explain(engine: Engine<unknown>, key: string): Promise<Explanation> {
  const nowMs = engine.clock.now();
  const present = engine.tiers.memory.look(key);
  const visits = present?.visits ?? 0;
  const inMemory = engine.tiers.look(key, nowMs);
  if (present) present.visits = visits;
  const found = typeof inMemory === 'string' && engine.store ? ((await engine.tiers.read(key)) ?? inMemory) : inMemory;
  const common = {
    key,
    loading: engine.fills.has(key),
    resting: engine.fills.resting(key),
    storeAvailable: engine.store?.available,
  };
  if (typeof found === 'string') {
    return { ...common, state: 'absent', tier: 'loader', because: `there is no usable value: ${found}` };
  }
  const tier = found === inMemory ? 'memory' : 'store';
  const fresh = found.freshUntilMs > nowMs;
  const entry = {
    ageMs: nowMs - found.storedMs,
    freshForMs: found.freshUntilMs - nowMs,
    usableForMs: found.usableUntilMs - nowMs,
    loadMs: found.loadMs,
    bytes: found.bytes,
    tags: tagsOf(found.stamp.records.map((record) => record.name)),
    versions: found.stamp.versions.map((version) => version.hard),
    refreshesEarlyByMs: engine.early.windowMs(found),
  };
  const because = fresh
    ? `the copy in ${tier} is fresh and none of its tags was invalidated since it was made`
    : `the copy in ${tier} is stale, and may serve ${found.graceUntilMs > nowMs ? 'while a new one loads' : 'only if loading fails'}`;
  return { ...common, state: fresh ? 'fresh' : 'stale', tier, because, entry };
}
