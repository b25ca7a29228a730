/** What one contender did in one round. */
export interface Slice {
  readonly operations: number;
  /** User and system time of the contender's own processes. */
  readonly cpuMs: number;
  readonly wallMs: number;
  readonly figures: Readonly<Record<string, number>>;
}

/** A contender that is up and can work a slice whenever its turn comes. */
export interface Entrant {
  work(): Promise<Slice>;
  close(): Promise<void>;
}
