/** What a bench file declares. Contenders do equal work: same bytes, same headers, each at its best documented settings. */
export interface Bench {
  /** File name of the result, grouped by room: `gateway/cached-page`. */
  readonly name: string;
  readonly title: string;
  /** What is done once per operation, and under which conditions. A sentence or two for the results page. */
  readonly what: string;
  /** What one operation is called: `request`, `hit`, `decision`. */
  readonly unit: string;
  /** The contender every other is divided by. */
  readonly baseline: string;
  /** Alternating rounds; default 7, at least 5. */
  readonly rounds?: number;
  /** How long a contender works per round, ms. Default 1,000. */
  readonly sliceMs?: number;
  readonly contenders: Readonly<Record<string, Contender>>;
}

export type Contender = OperationContender | ServerContender;

/** Work inside a process of its own. */
export interface OperationContender {
  readonly kind: 'operation';
  prepare(): Promise<Operation> | Operation;
}

export interface Operation {
  /** Does `count` operations, one after another or as the bench describes. */
  run(count: number): void | Promise<void>;
  close?(): void | Promise<void>;
  /** Further figures to write down, such as a hit ratio. */
  figures?(): Readonly<Record<string, number>>;
}

/** A server under load from a separate process; its CPU time is read from the operating system. */
export interface ServerContender {
  readonly kind: 'server';
  /** Why it cannot take part on this machine (a program is missing); undefined when it can. */
  unavailable?(): string | undefined;
  start(): Promise<RunningServer>;
  /** Load per round; default {@link Bench} wide: 64 keep-alive connections on `url`. */
  readonly load?: HttpLoad;
}

export interface RunningServer {
  readonly url: string;
  /** Every process whose CPU time counts. */
  readonly pids: readonly number[];
  stop(): Promise<void>;
}

export interface HttpLoad {
  readonly connections?: number;
  readonly threads?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Each request is a POST with a body of so many bytes. */
  readonly uploadBytes?: number;
}

export function defineBench(bench: Bench): Bench {
  if (!(bench.baseline in bench.contenders))
    throw new Error(`${bench.name}: the baseline '${bench.baseline}' is none of its contenders`);
  return bench;
}

/** A bench that measures in its own way and returns a table; the file exports it as default. */
export interface Study {
  readonly name: string;
  study(): Promise<Findings>;
}

/** Figures that are no race between contenders: a count of lost invalidations, a memory footprint, a score. */
export interface Findings {
  /** `coherence/races`: the file name of the result, and what `npm run bench --` takes. */
  readonly bench: string;
  readonly title: string;
  readonly what: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly (string | number)[])[];
}
