import {
  TIMING_BITS,
  TIMING_BUCKETS_MS,
  type FamilySnapshot,
  type Labels,
  type MetricKind,
  type MetricsSnapshot,
  type SeriesSnapshot,
} from '../kernel/index.ts';
import { exposedName } from './exposed-name.ts';

/** One series of the whole fleet: its total since the start, and what the running interval added. */
export interface FleetSeries {
  readonly labels: Labels;
  /** Counters: total. Gauges: current value. */
  value: number;
  /** Counters: what the running interval added. */
  added: number;
  readonly timing: FleetTiming | undefined;
}

/** A timing of the whole fleet. Cells are those of a histogram of microseconds with {@link TIMING_BITS} bits. */
export interface FleetTiming {
  readonly cells: Float64Array;
  /** Per upper bound of {@link TIMING_BUCKETS_MS}, the last one for all above. */
  readonly buckets: Float64Array;
  /** What the running interval added to the buckets. */
  readonly addedBuckets: Float64Array;
  /** What the running interval added to the cells: index and count in turn. */
  readonly addedCells: number[];
  count: number;
  sumUs: number;
  addedCount: number;
  addedSumUs: number;
}

export interface FleetFamily extends Omit<FamilySnapshot, 'series'> {
  readonly kind: MetricKind;
  readonly labels: readonly string[];
  readonly series: ReadonlyMap<string, FleetSeries>;
}

/** What one worker counted last, with the fleet's series bound to each of its own by place. */
interface Member {
  snapshot: MetricsSnapshot;
  readonly families: { readonly name: string; readonly bound: FleetSeries[] }[];
}

/** How many workers that are gone are remembered, so that one that was only slow to answer is not counted twice. */
const REMEMBERED_MEMBERS = 128;

/** Some tenths of a millisecond's work. */
const SERIES_A_SLICE = 64;

/**
 * Adds up what all workers count. Totals are built from what each worker added since its last snapshot, so they never
 * fall: not when a worker ends (what it counted stays), nor when it starts anew (its counters begin at 0 and only their
 * growth is added), nor when one does not answer for a while. Gauges are those of the workers that answered.
 */
export class FleetTotals {
  readonly #families = new Map<string, FleetFamily & { series: Map<string, FleetSeries> }>();
  readonly #members = new Map<string, Member>();
  /** Members that said their last word. */
  readonly #ended = new Set<string>();
  #present: readonly MetricsSnapshot[] = [];
  /** Series added up, of whichever family: where slices end. */
  #added = 0;

  get families(): Iterable<FleetFamily> {
    return this.#families.values();
  }

  /** The snapshots of the last collect: one per worker that answered. */
  get present(): readonly MetricsSnapshot[] {
    return this.#present;
  }

  /** @param name as it is exposed, unit included: `spillway_http_request_duration_seconds`. */
  family(name: string): FleetFamily | undefined {
    return this.#families.get(name);
  }

  /** Takes in a snapshot of each worker. What they added counts into the running interval. */
  collect(snapshots: readonly MetricsSnapshot[]): void {
    for (const _ of this.#steps(snapshots));
  }

  /** {@link collect} in turns of the event loop, so that no request waits for all of it. One at a time. */
  async collectInSlices(snapshots: readonly MetricsSnapshot[]): Promise<void> {
    for (const _ of this.#steps(snapshots)) await new Promise((resolve) => setImmediate(resolve));
  }

  /** Takes in the last snapshot of a worker that has ended: what it counted stays, what it measured is gone. */
  async absorb({ families, ...worker }: MetricsSnapshot): Promise<void> {
    const snapshot = { ...worker, families: families.map(withoutGauges) };
    const id = snapshot.instance ?? '';
    for (const _ of this.#take(snapshot, id)) await new Promise((resolve) => setImmediate(resolve));
    this.#ended.add(id);
  }

  *#steps(snapshots: readonly MetricsSnapshot[]): Generator<void> {
    for (const family of this.#families.values()) clearGauges(family);
    for (const [place, snapshot] of snapshots.entries()) yield* this.#take(snapshot, snapshot.instance ?? `place ${place}`);
    this.#present = snapshots;
    this.#forgetGauges();
    this.#forgetMembers(snapshots);
  }

  /** One that has ended may have answered once more in the meantime: then it is remembered until the next time. */
  #forgetMembers(present: readonly MetricsSnapshot[]): void {
    const answered = new Set(present.map(({ instance }) => instance));
    for (const id of this.#ended) {
      if (answered.has(id)) continue;
      this.#ended.delete(id);
      this.#members.delete(id);
    }
    for (const id of this.#members.keys()) {
      if (this.#members.size <= REMEMBERED_MEMBERS) break;
      this.#members.delete(id);
    }
  }

  /** Ends the running interval: what is added from now on belongs to the next. */
  endInterval(): void {
    for (const family of this.#families.values()) clearAdded(family);
  }

  *#take(snapshot: MetricsSnapshot, id: string): Generator<void> {
    const member: Member = this.#members.get(id) ?? { snapshot: { families: [] }, families: [] };
    for (const [place, family] of snapshot.families.entries())
      yield* this.#takeFamily(family, member, place, snapshot.worker ?? id);
    member.snapshot = snapshot;
    this.#members.delete(id);
    this.#members.set(id, member);
  }

  *#takeFamily(snapshot: FamilySnapshot, member: Member, place: number, worker: string): Generator<void> {
    const family = this.#familyOf(snapshot);
    if (family.kind !== snapshot.kind) return;
    if (member.families[place]?.name !== exposedName(snapshot))
      member.families[place] = { name: exposedName(snapshot), bound: [] };
    const { bound } = member.families[place]!;
    const before = member.snapshot.families[place]?.name === snapshot.name ? member.snapshot.families[place].series : [];
    for (const [at, series] of snapshot.series.entries()) {
      const total = (bound[at] ??= seriesOf(family, series.labels, worker));
      if (snapshot.kind === 'counter') addCounter(total, series, before[at]);
      else if (snapshot.kind === 'timing') addTiming(total.timing!, series, before[at]);
      else addGauge(total, series.value ?? 0, snapshot.across ?? 'sum');
      if (++this.#added % SERIES_A_SLICE === 0) yield;
    }
  }

  #familyOf(snapshot: FamilySnapshot): FleetFamily & { series: Map<string, FleetSeries> } {
    const name = exposedName(snapshot);
    let family = this.#families.get(name);
    if (!family) {
      const { series: _, ...info } = snapshot;
      const apart = snapshot.kind === 'gauge' && snapshot.across === 'each';
      const labels = [...(snapshot.labels ?? []), ...(apart ? ['worker'] : [])];
      this.#families.set(name, (family = { ...info, labels, series: new Map() }));
    }
    return family;
  }

  /** A gauge that no worker reported this time has no value: it leaves, rather than stay at what it was. */
  #forgetGauges(): void {
    for (const family of this.#families.values()) {
      if (family.kind !== 'gauge') continue;
      for (const [key, series] of family.series) if (Number.isNaN(series.value)) family.series.delete(key);
    }
    for (const member of this.#members.values()) {
      for (const { name, bound } of member.families) {
        if (this.#families.get(name)?.kind !== 'gauge') continue;
        for (let at = 0; at < bound.length; at++) if (bound[at] && Number.isNaN(bound[at]!.value)) delete bound[at];
      }
    }
  }
}

/** Empty, but in its place: members are told apart by the place of their families. */
function withoutGauges(family: FamilySnapshot): FamilySnapshot {
  return family.kind === 'gauge' ? { ...family, series: [] } : family;
}

function clearGauges(family: FleetFamily): void {
  if (family.kind === 'gauge') for (const series of family.series.values()) series.value = NaN;
}

function clearAdded(family: FleetFamily): void {
  for (const series of family.series.values()) {
    series.added = 0;
    if (!series.timing || series.timing.addedCount === 0) continue;
    series.timing.addedCount = series.timing.addedSumUs = 0;
    series.timing.addedCells.length = 0;
    series.timing.addedBuckets.fill(0);
  }
}

function seriesOf(family: FleetFamily & { series: Map<string, FleetSeries> }, own: Labels, worker: string): FleetSeries {
  const labels = family.across === 'each' ? { ...own, worker } : own;
  const key = family.labels.map((name) => labels[name] ?? '').join('\0');
  let series = family.series.get(key);
  if (!series) {
    const timing = family.kind === 'timing' ? emptyTiming() : undefined;
    family.series.set(key, (series = { labels, value: family.kind === 'gauge' ? NaN : 0, added: 0, timing }));
  }
  return series;
}

function emptyTiming(): FleetTiming {
  return {
    cells: new Float64Array((33 - TIMING_BITS) * 2 ** TIMING_BITS),
    buckets: new Float64Array(TIMING_BUCKETS_MS.length + 1),
    addedBuckets: new Float64Array(TIMING_BUCKETS_MS.length + 1),
    addedCells: [],
    count: 0,
    sumUs: 0,
    addedCount: 0,
    addedSumUs: 0,
  };
}

function addGauge(total: FleetSeries, value: number, across: NonNullable<FamilySnapshot['across']>): void {
  if (Number.isNaN(total.value) || across === 'each') total.value = value;
  else if (across === 'max') total.value = Math.max(total.value, value);
  else if (across === 'min') total.value = Math.min(total.value, value);
  else total.value += value;
}

function addCounter(total: FleetSeries, now: SeriesSnapshot, before: SeriesSnapshot | undefined): void {
  const value = now.value ?? 0;
  const last = before?.value ?? 0;
  const added = value >= last ? value - last : value;
  total.value += added;
  total.added += added;
}

/** Twice the cells there are: an interval that nobody ends takes no more room than this. */
const MAX_ADDED = 4 * (33 - TIMING_BITS) * 2 ** TIMING_BITS;

/** Joins the counts of equal cells. */
function compact(added: number[]): void {
  const counts = new Map<number, number>();
  for (let at = 0; at < added.length; at += 2) counts.set(added[at]!, (counts.get(added[at]!) ?? 0) + added[at + 1]!);
  added.length = 0;
  for (const [cell, count] of counts) added.push(cell, count);
}

function addTiming(total: FleetTiming, now: SeriesSnapshot, before: SeriesSnapshot | undefined): void {
  const current = now.timing;
  if (!current) return;
  // A series that counted more before begins anew.
  const past = before?.timing && before.timing.count <= current.count ? before.timing : undefined;
  const count = current.count - (past?.count ?? 0);
  if (count === 0) return;
  const sumUs = current.sumUs - (past?.sumUs ?? 0);
  total.count += count;
  total.addedCount += count;
  total.sumUs += sumUs;
  total.addedSumUs += sumUs;
  addCells(total, current.cells, past?.cells ?? NO_CELLS);
  if (total.addedCells.length > MAX_ADDED) compact(total.addedCells);
  for (let bucket = 0; bucket < current.buckets.length; bucket++) {
    const grown = current.buckets[bucket]! - (past?.buckets[bucket] ?? 0);
    total.buckets[bucket]! += grown;
    total.addedBuckets[bucket]! += grown;
  }
}

const NO_CELLS = new Float64Array(0);

/** Both are index and count in turn, ascending by index; what was in use before is in use now. */
function addCells(total: FleetTiming, now: Float64Array, before: Float64Array): void {
  let past = 0;
  for (let at = 0; at < now.length; at += 2) {
    const cell = now[at]!;
    let grown = now[at + 1]!;
    if (before[past] === cell) {
      grown -= before[past + 1]!;
      past += 2;
    }
    if (grown === 0) continue;
    total.cells[cell]! += grown;
    total.addedCells.push(cell, grown);
  }
}
